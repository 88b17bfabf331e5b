"""Whoever dies when: what is spent is what is on the log, each call once, and what has ended holds nothing."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from schemas.settings import GovernanceSettings, IntakeSettings, WorkerSettings
from tests.memory.cluster import Event
from tests.pipeline.rig import Rig, settings
from tests.pipeline.standing import RICH, said_by_the_log, said_by_the_writers, taken_over
from tests.pipeline.test_crash_law import (
    delays,
    fetches,
    kills,
    late_kills,
    live,
    mistakes,
    modest,
    moves,
    some,
    workers,
)
from tests.pipeline.traffic import SENT_AGAIN, Plan, messages, plans
from tests.unit.providers.virtual_time import run

OFTEN = GovernanceSettings(balance_seconds=0.05)
NEVER = GovernanceSettings(balance_seconds=1e9)
NARROW = IntakeSettings(known_ids=200, recover_results=1, recover_completions=1)
"""Checkpoints and notes must suffice: the margin that recovery reads besides is as small as can be."""
WIDE = IntakeSettings()
"""Where something lands late, only that margin tells a call that has ended from one under way."""


def hold(
    notes: GovernanceSettings,
    intake: IntakeSettings,
    plan: list[Plan],
    events: list[Event],
    delays: list[float],
    workers: int,
    fetch: int,
) -> None:
    async def test() -> None:
        common = settings(governance=notes, intake=intake, worker=WorkerSettings(max_outstanding=5))
        rig = Rig(common, tenants=RICH, fetch_records=fetch)
        cluster = rig.cluster(events=events, delays=tuple(delays))
        await live(rig, cluster, messages(plan), workers)
        await asyncio.sleep(1)  # virtual: until the notes are written, and what was late has landed
        await taken_over(cluster)
        assert said_by_the_writers(cluster) == said_by_the_log(rig)
        await cluster.rebalance()
        await cluster.drained()
        await taken_over(cluster)
        assert said_by_the_writers(cluster) == said_by_the_log(rig)

    run(test())


notes = st.sampled_from((OFTEN, NEVER))


@modest
@given(notes=notes, plan=plans(*SENT_AGAIN), events=some(kills, moves), delays=delays, workers=workers, fetch=fetches)
def test_whoever_is_killed(
    notes: GovernanceSettings, plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int
) -> None:
    hold(notes, NARROW, plan, events, delays, workers, fetch)


@modest
@given(
    notes=notes,
    plan=plans("only", "soon"),
    events=some(late_kills, mistakes, kills),
    delays=delays,
    workers=workers,
    fetch=fetches,
)
def test_what_lands_late_counts_once(
    notes: GovernanceSettings, plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int
) -> None:
    hold(notes, WIDE, plan, events, delays, workers, fetch)
