from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from faust.types import TP

from streams.checkpoints import CheckpointLog
from streams.custody import Custody
from streams.envelope import Publication
from streams.transport.offsets import Checkpoint, Marks
from tests.memory.broker import MemoryBroker
from tests.memory.log import MemoryLog

R0, R1, C1, D0 = TP("requests", 0), TP("requests", 1), TP("completions", 1), TP("dispatch", 0)
POINT = Checkpoint(7, {("results", 0): 4})


@dataclass
class FakeOwner:
    """Owns what it is told to, and moves the marks of `results` back to `oldest`."""

    topics: tuple[str, ...]
    oldest: int | None = None
    took: list[tuple[frozenset[int], Mapping[tuple[str, int], Checkpoint]]] = field(default_factory=list)
    let_go_of: int = 0

    async def take_over(self, partitions: frozenset[int], checkpoints: Mapping[tuple[str, int], Checkpoint]) -> None:
        self.took.append((partitions, checkpoints))

    async def let_go(self) -> None:
        self.let_go_of += 1

    def refine(self, topic: str, partition: int, marks: Marks) -> Marks:
        assert topic in self.topics
        return marks if self.oldest is None else {**marks, ("results", partition): self.oldest}


@dataclass
class SlowOwner(FakeOwner):
    """Takes over only when it is allowed to."""

    allowed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take_over(self, partitions: frozenset[int], checkpoints: Mapping[tuple[str, int], Checkpoint]) -> None:
        assert not self.let_go_of, "gives up what it has not got yet"
        await self.allowed.wait()
        await super().take_over(partitions, checkpoints)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(MemoryBroker(lambda: 0.0))


async def test_every_owner_takes_over_its_own_partitions_with_all_checkpoints(log: MemoryLog) -> None:
    checkpoints = CheckpointLog("asahi", log)
    await checkpoints.save({R0: POINT})
    tenancy, calls, idle = FakeOwner(("requests", "completions")), FakeOwner(("dispatch",)), FakeOwner(("feedback",))
    custody = Custody(log, checkpoints, (tenancy, calls, idle))
    assert await custody.gain(frozenset({R0, R1, C1, D0}), 3) == {R0: POINT}
    by_place = {("requests", 0): POINT}
    assert tenancy.took == [(frozenset({0, 1}), by_place)]
    assert calls.took == [(frozenset({0}), by_place)]
    assert idle.took == [(frozenset(), by_place)]


async def test_a_partition_that_nobody_has_had_gets_its_first_checkpoint_and_no_other_loses_its_own(
    log: MemoryLog,
) -> None:
    checkpoints = CheckpointLog("asahi", log)
    await checkpoints.save({R0: POINT})
    custody = Custody(log, checkpoints, (FakeOwner(("requests",)),))
    assert await custody.gain(frozenset({R0, R1}), 3) == {R0: POINT}
    assert await checkpoints.load([R0, R1, C1]) == {R0: POINT, R1: Checkpoint(0, {})}


async def test_outputs_of_a_predecessor_are_learnt_from_its_checkpoints(log: MemoryLog) -> None:
    checkpoints = CheckpointLog("asahi", log)
    await checkpoints.save({R0: POINT, R1: Checkpoint(3, {("results", 1): 9})})
    successor = MemoryLog(log._broker)
    custody = Custody(successor, CheckpointLog("asahi", successor), ())
    await custody.gain(frozenset({R0, R1}), 0)
    assert custody.marks() == {("results", 0): 4, ("results", 1): 9}
    await successor.publish("results", 0, [Publication(b"{}")])
    assert dict(custody.marks())["results", 0] == 4, "positions never go back"


async def test_giving_up_is_every_owners_affair(log: MemoryLog) -> None:
    owners = FakeOwner(("requests",)), FakeOwner(("dispatch",))
    await Custody(log, CheckpointLog("asahi", log), owners).lose(frozenset({R0}))
    assert [owner.let_go_of for owner in owners] == [1, 1]


async def test_a_checkpoint_is_saved_with_the_marks_its_owner_needs(log: MemoryLog) -> None:
    checkpoints = CheckpointLog("asahi", log)
    owners = FakeOwner(("requests", "completions"), oldest=2), FakeOwner(("dispatch",))
    custody = Custody(log, checkpoints, owners)
    await custody.save({R0: POINT, D0: POINT, TP("feedback", 0): POINT})
    assert await checkpoints.load([R0, D0, TP("feedback", 0)]) == {
        R0: Checkpoint(7, {("results", 0): 2}),
        D0: POINT,
        TP("feedback", 0): POINT,
    }


async def test_giving_up_waits_for_a_take_over_under_way(log: MemoryLog) -> None:
    owner = SlowOwner(("requests",))
    custody = Custody(log, CheckpointLog("asahi", log), (owner,))
    gaining = asyncio.create_task(custody.gain(frozenset({R0}), 1))
    losing = asyncio.create_task(custody.lose(frozenset({R0})))
    await asyncio.sleep(0)
    assert owner.let_go_of == 0
    owner.allowed.set()
    await asyncio.gather(gaining, losing)
    assert (len(owner.took), owner.let_go_of) == (1, 1)


async def test_a_take_over_that_is_cancelled_lets_go_of_nothing_else(log: MemoryLog) -> None:
    owner = SlowOwner(("requests",))
    custody = Custody(log, CheckpointLog("asahi", log), (owner,))
    gaining = asyncio.create_task(custody.gain(frozenset({R0}), 1))
    await asyncio.sleep(0)
    gaining.cancel()
    await asyncio.wait([gaining])
    await custody.lose(frozenset({R0}))
    assert owner.let_go_of == 1
