from __future__ import annotations

import os

import numpy as np
import pytest

from agents.cache.vectors.annoy import AnnoyDatabase
from agents.cache.vectors.merge import joining
from agents.cache.vectors.protocol import Vectors
from agents.cache.vectors.segment import Segment, build_index
from agents.cache.vectors.slots import BLOCK, Slots
from schemas.vector_settings import VectorSettings
from tests.unit.cache.vectors.held import HeldExecutor

SETTINGS = VectorSettings(annoy_tail=100, annoy_prefix=6)
DIMENSIONS = 6


def directions(count: int) -> Vectors:
    made = np.random.default_rng(5).standard_normal((count, DIMENSIONS)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def names(count: int, prefix: str = "k") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def state(database: AnnoyDatabase) -> tuple[int, bool]:
    """How many segments there are, and whether a merge is under way."""
    return database.segments, database.merging


def test_entries_among_many_that_are_gone_are_found() -> None:
    held = HeldExecutor()
    database = AnnoyDatabase(DIMENSIONS, held, SETTINGS)
    one = directions(1)
    database.add(names(1_000), np.repeat(one, 1_000, axis=0))
    held.run()
    assert database.nearest(one, 1)
    database.remove([name for name in names(1_000) if name not in ("k500", "k700")])
    assert {found.key for found in database.nearest(one, 3)[0]} == {"k500", "k700"}


def test_what_goes_and_comes_during_a_merge_is_gone_and_there() -> None:
    held = HeldExecutor()
    database = AnnoyDatabase(DIMENSIONS, held, SETTINGS)
    vectors = directions(400)
    database.add(names(100), vectors[:100])
    assert state(database) == (0, True)
    database.remove(["k1"])
    database.add(["k2"], vectors[200:201])
    held.run()
    database.remove(["k3"])
    assert state(database) == (1, False)
    found = {one.key for row in database.nearest(vectors[:100], 1) for one in row}
    assert not found & {"k1", "k3"}
    assert database.nearest(vectors[200:201], 1)[0][0].key == "k2"
    assert "k2" not in {one.key for one in database.nearest(vectors[2:3], 1)[0]}


def test_slots_used_again_during_a_merge_are_found_by_their_new_vectors_only() -> None:
    held = HeldExecutor()
    database = AnnoyDatabase(DIMENSIONS, held, SETTINGS)
    vectors = directions(400)
    database.add(names(100), vectors[:100])
    database.remove(names(50))
    database.add(names(100, "new"), vectors[100:200])  # fills a tail: slots may be used again
    database.add(names(50, "newer"), vectors[200:250])
    held.run()
    for start, prefix, count in ((100, "new", 100), (200, "newer", 50)):
        found = database.nearest(vectors[start : start + count], 1)
        assert [one[0].key for one in found] == names(count, prefix)
    assert database.memory_bytes < 250 * 100


def test_a_segment_of_which_a_quarter_is_gone_is_built_anew_and_one_without_entries_dropped() -> None:
    held = HeldExecutor()
    database = AnnoyDatabase(DIMENSIONS, held, SETTINGS)
    database.add(names(100), directions(100))
    held.run()
    database.remove(names(25))
    assert state(database) == (1, False)
    database.remove(["k25"])
    assert state(database) == (1, True)
    held.run()
    database.remove(names(100))
    database.remove([])
    assert len(database) == 0
    assert state(database) == (0, False)


def test_segments_of_like_size_join_a_merge() -> None:
    def segment(number: int, size: int) -> Segment:
        slots = np.arange(size, dtype=np.int32)
        return Segment(number, slots, build_index(slots[:0], lambda _: np.zeros((0, 2), np.int16), 2, 1, 1), 100)

    large, middle, small = segment(1, 1_000), segment(2, 200), segment(3, 40)
    living = {1: 1_000, 2: 200, 3: 40}
    every = [large, middle, small]
    assert joining(every, living, 0) == []
    assert joining(every, living, 5) == []
    assert joining(every, living, 10) == [small, middle, large]
    assert joining([large, middle], living, 20) == []
    assert joining([large, middle], {1: 700, 2: 200}, 0) == [large, middle]


def test_a_merge_that_fails_tells_it_and_loses_nothing() -> None:
    held = HeldExecutor()
    database = AnnoyDatabase(DIMENSIONS, held, SETTINGS)
    vectors = directions(100)
    database.add(names(100), vectors)
    held.held.clear()
    future = database._merge
    assert future is not None
    future.set_exception(MemoryError("no room"))
    with pytest.raises(MemoryError):
        database.nearest(vectors[:1], 1)
    assert [one[0].key for one in database.nearest(vectors, 1)] == names(100)
    assert state(database) == (0, True)
    held.run()
    assert [one[0].key for one in database.nearest(vectors, 1)] == names(100)


def test_nothing_is_written_to_files() -> None:
    opened = set(os.listdir("/proc/self/fd"))
    held = HeldExecutor()
    database = AnnoyDatabase(DIMENSIONS, held, SETTINGS)
    database.add(names(500), directions(500))
    held.run()
    database.settle()
    assert set(os.listdir("/proc/self/fd")) == opened


def test_vectors_are_read_across_blocks() -> None:
    slots = Slots(2)
    count = BLOCK + 10
    rows = np.stack([np.arange(count) % 1_000, np.arange(count) // 1_000], axis=1).astype(np.int16)
    places = slots.put(names(count), rows, 1)
    chosen = places[[0, BLOCK - 1, BLOCK, BLOCK + 9, 5]]
    assert slots.rows(chosen).tolist() == rows[chosen].tolist()
    assert slots.rows(chosen, 1).tolist() == rows[chosen, :1].tolist()
    assert slots.births[places].tolist() == [1] * count
