from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.checkpoints import CheckpointLog
from streams.envelope import Publication
from streams.topics import CHECKPOINTS
from streams.transport.offsets import Checkpoint, Marks
from tests.memory.broker import MemoryBroker
from tests.memory.log import MemoryLog

TPS = [TP(topic, partition) for topic in ("requests", "completions") for partition in (0, 1)]
MARKS: Marks = {("results", 0): 4, ("results", 1): 0, ("usage", 0): 12}


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(MemoryBroker(lambda: 0.0))


def stored(log: MemoryLog) -> list[dict[str, Any]]:
    return [msgspec.json.decode(record.value or b"") for record in log._broker.topic(CHECKPOINTS.name)]


async def test_what_is_saved_is_loaded(log: MemoryLog) -> None:
    checkpoints = {tp: Checkpoint(offset, MARKS if offset else {}) for offset, tp in enumerate(TPS)}
    await CheckpointLog("asahi", log).save(checkpoints)
    assert await CheckpointLog("asahi", log).load(TPS) == checkpoints
    assert await CheckpointLog("asahi", log).load(TPS[1:2]) == {TPS[1]: checkpoints[TPS[1]]}


async def test_checkpoints_lie_in_the_partition_of_the_same_number(log: MemoryLog) -> None:
    await CheckpointLog("asahi", log).save({tp: Checkpoint(1, {}) for tp in TPS})
    records = log._broker.topic(CHECKPOINTS.name)
    assert [(record.partition, record.key) for record in records] == [
        (0, b"asahi/requests/0"),
        (0, b"asahi/completions/0"),
        (1, b"asahi/requests/1"),
        (1, b"asahi/completions/1"),
    ]


async def test_groups_do_not_see_each_other(log: MemoryLog) -> None:
    await CheckpointLog("one", log).save({TPS[0]: Checkpoint(5, {})})
    assert await CheckpointLog("two", log).load(TPS) == {}


async def test_marks_of_the_checkpoints_themselves_are_left_out(log: MemoryLog) -> None:
    await CheckpointLog("asahi", log).save({TPS[0]: Checkpoint(5, {**MARKS, (CHECKPOINTS.name, 0): 99})})
    assert stored(log)[0]["marks"] == {"results": {"0": 4, "1": 0}, "usage": {"0": 12}}


async def test_a_forgotten_checkpoint_and_foreign_keys_are_passed_over(log: MemoryLog) -> None:
    checkpoints = CheckpointLog("asahi", log)
    await checkpoints.save({TPS[0]: Checkpoint(5, {})})
    key = log._broker.topic(CHECKPOINTS.name)[0].key
    await log.publish(CHECKPOINTS.name, 0, [Publication(b"?"), Publication(b"?", b"foreign")])
    log._broker.append(CHECKPOINTS.name, 0, [Publication(None, key)])  # a tombstone
    assert await checkpoints.load(TPS) == {TPS[0]: Checkpoint(5, {})}


async def test_nothing_saved_is_nothing_found(log: MemoryLog) -> None:
    await CheckpointLog("asahi", log).save({})
    assert await CheckpointLog("asahi", log).load(TPS) == {}
    assert await CheckpointLog("asahi", log).load([]) == {}


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(TPS), st.integers(0, 5), st.integers(0, 9)), max_size=12))
def test_the_furthest_wins_and_of_equals_the_newest(saves: list[tuple[TP, int, int]]) -> None:
    """A worker wrongly taken for dead may save after its successor."""

    async def test() -> None:
        log = MemoryLog(MemoryBroker(lambda: 0.0))
        furthest: dict[TP, Checkpoint] = {}
        for tp, offset, mark in saves:
            point = Checkpoint(offset, {("results", 0): mark})
            await CheckpointLog("asahi", log).save({tp: point})
            if tp not in furthest or offset >= furthest[tp].offset:
                furthest[tp] = point
        assert await CheckpointLog("asahi", log).load(TPS) == furthest

    asyncio.run(test())
