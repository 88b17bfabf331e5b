"""Whatever is sent and whoever dies when: one result per request, every paid call counted once, nothing waits.

Workers die before any of their operations, alone or one after the other, also while they take over from the last one
that died; then the input is drained. Repeated results are the same, byte for byte. Where something of a dead worker
reaches the broker only after its successor has read the log, nothing but a fence could keep two results apart: they
agree in status unless the answer depends on the moment (a deadline, a cache that may be asked but not waited for).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from itertools import accumulate

import msgspec
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from schemas.settings import IntakeSettings, ProviderSettings, Settings, WorkerSettings
from tests.memory.cluster import Cluster, Event, Fate
from tests.pipeline.rig import Rig, nothing_is_held, settings
from tests.pipeline.traffic import SENT_AGAIN, Message, Plan, messages, plans
from tests.unit.providers.virtual_time import run

COMMON = settings()
ON_THEIR_OWN = settings(
    intake=IntakeSettings(known_ids=20, recover_results=1, recover_completions=1),
    worker=WorkerSettings(max_outstanding=5),
    providers={
        "east": ProviderSettings(
            kind="simulated", latency_ms=20.0, failure_rate=0.4, backoff_seconds=0.01, attempts=2
        )
    },
)
"""Checkpoints must suffice: the margin that recovery reads besides is as small as can be."""

when = st.integers(1, 120)
seconds = st.sampled_from((0.0, 0.05, 0.4))
downs = st.sampled_from((0.0, 0.1))
kills = st.builds(Event, when, st.just(Fate.KILLED), st.none(), downs)
moves = st.builds(Event, when, st.sampled_from((Fate.LEAVING, Fate.REBALANCED)))
late_kills = st.builds(Event, when, st.just(Fate.KILLED), st.none() | seconds, downs)
mistakes = st.builds(Event, when, st.just(Fate.UNDEAD), st.none(), downs, seconds)
delays = st.lists(st.sampled_from((0.0, 0.001, 0.004, 0.03)), min_size=1, max_size=7)


def some(*kinds: st.SearchStrategy[Event]) -> st.SearchStrategy[list[Event]]:
    """Return sequences of events of these kinds, each so many operations after the one before."""
    return st.lists(st.one_of(*kinds), max_size=4).map(sequence)


def sequence(events: list[Event]) -> list[Event]:
    return [
        replace(event, operation=operation)
        for event, operation in zip(events, accumulate(event.operation for event in events), strict=True)
    ]


async def live(rig: Rig, cluster: Cluster, sent: list[Message], workers: int) -> None:
    for _ in range(workers):
        await cluster.join()
    for message in sent:
        if message.pause:
            await asyncio.sleep(message.pause)
        cluster.submit(message.value, message.key, message.partition)
    await cluster.drained()
    nothing_is_held(cluster)


def each_has_its_result(rig: Rig, sent: list[Message], *, late: bool) -> None:
    found = rig.raw_results()
    expected = {name for message in sent for name in message.ids}
    assert expected == found.keys()
    for name, records in found.items():
        values = {record.value for record in records}
        if late:
            values = {msgspec.json.decode(value or b"")["status"] for value in values}
        assert len(values) == 1, (name, values)


def each_paid_call_is_counted_once(rig: Rig, *, late: bool) -> None:
    used = Counter(usage["id"] for usage in rig.usages())
    assert set(used) == set(rig.paid())
    if not late:
        assert used == Counter(rig.paid())
        assert set(used.values()) <= {1}


def each_result_costs_what_its_calls_did(rig: Rig) -> None:
    """With those of its steps, and without those that came to nothing for it."""
    spent: dict[tuple[str, str], Decimal] = {}
    for usage in rig.usages():
        if not usage.get("superseded"):
            key = (usage["tenant"], usage["request_id"])
            spent[key] = spent.get(key, Decimal(0)) + Decimal(usage["cost_usd"])
    for name, (result, *_) in rig.results().items():
        cost = Decimal(result["cost_usd"])
        assert cost == spent.get((result.get("tenant", ""), name), 0), (result, rig.usages())
        if "baseline" in result:
            saved = sum(map(Decimal, result.get("savings", {}).values()))
            assert Decimal(result["baseline"]["cost_usd"]) - cost == saved


def each_decision_can_be_read(rig: Rig) -> None:
    """The survey that a decision names came before the call, so that no crash can lose it."""
    told = rig.surveys().keys()
    for result in (each for results in rig.results().values() for each in results):
        named = result.get("decision", {}).get("survey")
        assert named is None or (result["tenant"], named) in told, result


def what_is_dead_has_a_letter(rig: Rig, sent: list[Message]) -> None:
    expected = Counter(code for message in sent for code in message.dead)
    letters = {(letter["id"], letter["code"]) for letter in rig.dead_letters()}
    assert Counter(code for _, code in letters) == expected


def hold(
    common: Settings, plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int
) -> None:
    async def test() -> None:
        rig = Rig(common, fetch_records=fetch)
        sent = messages(plan)
        cluster = rig.cluster(events=events, delays=tuple(delays))
        await live(rig, cluster, sent, workers)
        late = any(event.late_seconds is not None or event.fate is Fate.UNDEAD for event in events)
        each_has_its_result(rig, sent, late=late)
        each_paid_call_is_counted_once(rig, late=late)
        if not late:
            each_result_costs_what_its_calls_did(rig)
        each_decision_can_be_read(rig)
        what_is_dead_has_a_letter(rig, sent)
        again = rig.dispatched_again()
        assert late or not again
        assert rig.repeated_calls(cluster.undead_since) <= cluster.cut_off + again

    run(test())


modest = settings_of(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
workers = st.integers(1, 2)
fetches = st.integers(1, 4)


@modest
@given(plan=plans(), events=some(kills, moves), delays=delays, workers=workers, fetch=fetches)
def test_whoever_is_killed(
    plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int
) -> None:
    hold(COMMON, plan, events, delays, workers, fetch)


@modest
@given(plan=plans(*SENT_AGAIN), events=some(kills, moves), delays=delays, workers=workers, fetch=fetches)
def test_checkpoints_alone_suffice(
    plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int
) -> None:
    hold(ON_THEIR_OWN, plan, events, delays, workers, fetch)


@modest
@given(plan=plans("only"), events=some(late_kills, moves), delays=delays, workers=workers, fetch=fetches)
def test_what_the_dead_sent_may_land_late(
    plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int
) -> None:
    hold(COMMON, plan, events, delays, workers, fetch)


@modest
@given(plan=plans("only", "soon"), events=some(mistakes, kills), delays=delays, workers=workers, fetch=fetches)
def test_who_was_taken_for_dead_may_go_on_for_a_while(
    plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int
) -> None:
    hold(COMMON, plan, events, delays, workers, fetch)
