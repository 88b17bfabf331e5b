"""The batch lane under kill -9: each item is answered in time, submitted once, and charged as often as counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from agents.providers.batches.interface import BatchInterface
from schemas.settings import BatchSettings, GovernanceSettings, KafkaSettings, WindowSettings
from tests.memory.batches import MemoryBatches
from tests.memory.cluster import Cluster, Event, Fate
from tests.memory.log import Step
from tests.pipeline.rig import PARTITIONS, Rig, nothing_is_held, settings
from tests.pipeline.standing import RICH, said_by_the_log, said_by_the_writers
from tests.pipeline.test_crash_law import delays, kills, late_kills, mistakes, moves, some
from tests.servers.batch_desk import BatchDesk, Conditions
from tests.unit.providers.virtual_time import clock, run

PATIENCE = 20.0
"""Seconds after the last deadline in which late results come in, whoever was killed meanwhile."""
SOON, FAR = 15.0, 40.0
"""Seconds until the deadlines: enough for a batch by what is expected of it, and often not by what happens."""
COMMON = settings(
    kafka=KafkaSettings(partitions=PARTITIONS, commit_interval_seconds=0.5),
    windows=WindowSettings(batch_lane=True, bulk_after_seconds=5.0),
    governance=GovernanceSettings(balance_seconds=0.4),
    batches=BatchSettings(
        expected_seconds=1.0,
        collect_seconds=0.5,
        job_items=3,
        poll_seconds=1.0,
        cancel_seconds=2.0,
        rescue_seconds=3.0,
        settle_seconds=0.5,
        timeout_seconds=0.5,
    ),
)


@dataclass
class Story:
    """What is asked, and how the provider behaves."""

    deadlines: list[float]
    turnaround: float = 4.0
    window: float = 1000.0
    failure_rate: float = 0.0
    unanswered: int = 0
    labelled: bool = True
    prompts: list[str] = field(default_factory=list)


class Told(NamedTuple):
    """What a story came to."""

    rig: Rig
    desk: BatchDesk
    operations: int


stories = st.builds(
    Story,
    deadlines=st.lists(st.sampled_from((SOON, FAR)), min_size=1, max_size=7),
    turnaround=st.sampled_from((0.5, 4.0, 12.0, 30.0)),
    window=st.sampled_from((6.0, 1000.0)),
    failure_rate=st.sampled_from((0.0, 0.3)),
    unanswered=st.integers(0, 2),
    labelled=st.booleans(),
)


def ask(number: int, deadline: float, prompt: str | None = None) -> bytes:
    return msgspec.json.encode(
        {
            "id": f"r{number}",
            "tenant": "acme",
            "prompt": prompt or f"What is {number}?",
            "constraints": {"deadline": datetime.fromtimestamp(clock() + deadline, UTC).isoformat()},
        }
    )


def hold(story: Story, events: list[Event], pauses: list[float], workers: int = 1) -> Told:
    """Tell the story, and check what must hold however it goes."""
    told: list[Told] = []

    async def test() -> None:
        conditions = Conditions(story.turnaround, story.window, 0.7, story.failure_rate)
        desk = BatchDesk(clock, conditions, unanswered=story.unanswered)

        def interfaces(step: Step) -> Mapping[str, BatchInterface]:
            return {"east": MemoryBatches(desk, step, story.labelled)}

        rig = Rig(COMMON, tick_seconds=0.25, batches=interfaces, tenants=RICH)
        cluster = rig.cluster(events=events, delays=tuple(pauses))
        for _ in range(workers):
            await cluster.join()
        for number, deadline in enumerate(story.deadlines):
            prompt = story.prompts[number] if story.prompts else None
            cluster.submit(ask(number, deadline, prompt), "acme")
        await asyncio.sleep(max(story.deadlines))
        await until(lambda: all_closed(cluster), PATIENCE + 2 * story.turnaround)
        await cluster.drained()
        await until(lambda: all_closed(cluster), PATIENCE)
        nothing_is_held(cluster)
        assert all_closed(cluster)
        late = any(event.late_seconds is not None or event.fate is Fate.UNDEAD for event in events)
        each_is_answered_in_time(rig, story)
        each_is_submitted_once(desk)
        what_is_charged_is_counted(rig, desk, late=late)
        assert said_by_the_writers(cluster) == said_by_the_log(rig)
        told.append(Told(rig, desk, cluster.operations))

    run(test())
    return told[0]


async def until(holds: Callable[[], bool], seconds: float) -> None:
    for _ in range(int(seconds)):
        if holds():
            return
        await asyncio.sleep(1.0)


def all_closed(cluster: Cluster) -> bool:
    lanes = [worker.stages.lane for worker in cluster.workers]
    shards = [shard for lane in lanes if lane is not None and lane._open for shard in lane._shards.values()]
    return bool(shards) and not any(shard.book.items or shard.book.jobs for shard in shards)


def each_is_answered_in_time(rig: Rig, story: Story) -> None:
    results = rig.results()
    assert results.keys() == {f"r{number}" for number in range(len(story.deadlines))}
    statuses = Counter(status for found in results.values() for status in {one["status"] for one in found})
    assert statuses == {"completed": len(story.deadlines)}


def each_is_submitted_once(desk: BatchDesk) -> None:
    submitted = Counter(item for batch in desk.batches.values() for item in batch.items)
    assert set(submitted.values()) <= {1}, submitted


def what_is_charged_is_counted(rig: Rig, desk: BatchDesk, *, late: bool) -> None:
    used = Counter(usage["id"] for usage in rig.usages() if "/" in usage["id"])
    charged = {f"{batch}/{item}" for batch, item in desk.charged()}
    assert set(used) == charged
    assert late or set(used.values()) <= {1}


modest = settings_of(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@modest
@given(story=stories, events=some(kills, moves), pauses=delays, workers=st.integers(1, 2))
def test_whoever_is_killed(story: Story, events: list[Event], pauses: list[float], workers: int) -> None:
    hold(story, events, pauses, workers)


@modest
@given(story=stories, events=some(late_kills, mistakes, moves), pauses=delays, workers=st.integers(1, 2))
def test_whoever_is_replaced_without_knowing(
    story: Story, events: list[Event], pauses: list[float], workers: int
) -> None:
    hold(story, events, pauses, workers)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_kill_at_every_step(labelled: bool) -> None:
    story = Story([SOON, FAR, FAR], labelled=labelled)
    for operation in range(1, hold(story, [], [0.001]).operations):
        hold(story, [Event(operation, down_seconds=0.1)], [0.001])
