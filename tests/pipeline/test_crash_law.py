"""Whatever is sent and whoever dies when: one result per request, every paid call counted once, nothing waits."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import HealthCheck, given
from hypothesis import settings as modest
from hypothesis import strategies as st

from schemas.settings import IntakeSettings, Settings
from tests.memory.cluster import Cluster, Death
from tests.pipeline.rig import Rig, settings
from tests.pipeline.traffic import SENT_AGAIN, Message, Plan, messages, plans
from tests.unit.providers.virtual_time import run

COMMON = settings()
ON_THEIR_OWN = settings(intake=IntakeSettings(recover_results=1, recover_completions=1))
"""Checkpoints must suffice: the margin that recovery reads besides is as small as can be."""

deaths = st.lists(st.tuples(st.integers(1, 120), st.sampled_from((0.0, 0.1))), max_size=4)
delays = st.lists(st.sampled_from((0.0, 0.001, 0.004, 0.03)), min_size=1, max_size=7)


def sequence(gaps: list[tuple[int, float]]) -> list[Death]:
    operation, found = 0, []
    for gap, down in gaps:
        operation += gap
        found.append(Death(operation, None, down))
    return found


async def live(rig: Rig, cluster: Cluster, sent: list[Message], workers: int) -> None:
    for _ in range(workers):
        await cluster.join()
    for message in sent:
        if message.pause:
            await asyncio.sleep(message.pause)
        cluster.submit(message.value, message.key, message.partition)
    await cluster.drained()
    nothing_is_held(cluster)


def nothing_is_held(cluster: Cluster) -> None:
    for worker in cluster.workers:
        assert worker.stages.intake._capacity.used == 0
        assert worker.stages.calls._capacity.used == 0
        for state in worker.stages.intake._tenancy.states.values():
            assert len(state.calls) == 0, state.calls._places
            assert state.ending == set()
            assert len(state.cache._flights) == 0, state.cache._flights._leaders  # type: ignore[attr-defined]


def each_has_its_result(rig: Rig, sent: list[Message]) -> None:
    found = rig.raw_results()
    expected = {name for message in sent for name in message.ids}
    assert expected == found.keys()
    for name, records in found.items():
        assert len({record.value for record in records}) == 1, (name, [record.value for record in records])


def each_paid_call_is_counted_once(rig: Rig) -> None:
    used = Counter(usage["id"] for usage in rig.usages())
    assert used == Counter(rig.paid())
    assert set(used.values()) <= {1}


def what_is_dead_has_a_letter(rig: Rig, sent: list[Message]) -> None:
    expected = Counter(code for message in sent for code in message.dead)
    letters = {(letter["id"], letter["code"]) for letter in rig.dead_letters()}
    assert Counter(code for _, code in letters) == expected


def hold(
    common: Settings,
    plan: list[Plan],
    gaps: list[tuple[int, float]],
    delays: list[float],
    workers: int,
    fetch: int,
) -> None:
    async def test() -> None:
        rig = Rig(common, fetch_records=fetch)
        sent = messages(plan)
        cluster = rig.cluster(deaths=sequence(gaps), delays=tuple(delays))
        await live(rig, cluster, sent, workers)
        each_has_its_result(rig, sent)
        each_paid_call_is_counted_once(rig)
        what_is_dead_has_a_letter(rig, sent)
        assert rig.repeated_calls() <= cluster.toll.under_way, (rig.asked, cluster.toll)

    run(test())


@modest(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans(), gaps=deaths, delays=delays, workers=st.integers(1, 2), fetch=st.integers(1, 4))
def test_law(plan: list[Plan], gaps: list[tuple[int, float]], delays: list[float], workers: int, fetch: int) -> None:
    hold(COMMON, plan, gaps, delays, workers, fetch)


@modest(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans(*SENT_AGAIN), gaps=deaths, delays=delays, workers=st.integers(1, 2), fetch=st.integers(1, 4))
def test_law_holds_without_margin(
    plan: list[Plan], gaps: list[tuple[int, float]], delays: list[float], workers: int, fetch: int
) -> None:
    hold(ON_THEIR_OWN, plan, gaps, delays, workers, fetch)
