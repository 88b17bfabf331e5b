from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from agents.cache.vectors.engines import open_database
from agents.cache.vectors.fixed_point import ONE, from_fixed, to_fixed
from agents.cache.vectors.protocol import VectorDatabase, Vectors
from schemas.vector_settings import VectorEngine, VectorSettings
from tests.unit.cache.vectors.held import HeldExecutor

DIMENSIONS = 64
TOPICS = 300
ENTRIES = 6_000
ACCEPTABLE = 0.9


def directions(count: int, seed: int) -> Vectors:
    made = np.random.default_rng(seed).standard_normal((count, DIMENSIONS)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def near(vectors: Vectors, distance: float, seed: int) -> Vectors:
    moved = vectors + np.float32(distance) * directions(len(vectors), seed)
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)


ABOUT_TOPICS = near(np.tile(directions(TOPICS, 1), (ENTRIES // TOPICS, 1)), 0.8, 2)
QUERIES = near(ABOUT_TOPICS[::10], 0.3, 3)


def filled(engine: VectorEngine) -> VectorDatabase:
    held = HeldExecutor()
    database = open_database(VectorSettings(engine=engine), DIMENSIONS, held)
    for start in range(0, ENTRIES, 500):
        database.add([str(row) for row in range(start, start + 500)], ABOUT_TOPICS[start : start + 500])
        held.run()
    return database


@pytest.mark.parametrize("engine", list(VectorEngine))
def test_acceptable_neighbours_are_found_as_an_exact_search_does(engine: VectorEngine) -> None:
    exact = QUERIES @ ABOUT_TOPICS.T
    found = np.array([int(one[0].key) for one in filled(engine).nearest(QUERIES, 1)])
    acceptable = exact.max(axis=1) >= ACCEPTABLE
    assert acceptable.sum() > 500
    assert (found == exact.argmax(axis=1))[acceptable].mean() >= 0.98


@pytest.mark.parametrize("engine", list(VectorEngine))
def test_the_same_calls_find_the_same(engine: VectorEngine) -> None:
    assert filled(engine).nearest(QUERIES, 5) == filled(engine).nearest(QUERIES, 5)


@pytest.mark.parametrize("engine", list(VectorEngine))
def test_one_by_one_is_as_in_a_batch(engine: VectorEngine) -> None:
    database = filled(engine)
    together = database.nearest(QUERIES[:50], 3)
    alone = [database.nearest(query[None], 3)[0] for query in QUERIES[:50]]
    assert [[one.key for one in found] for found in alone] == [[one.key for one in found] for found in together]


def test_entries_come_and_are_found_while_a_thread_merges() -> None:
    settings = VectorSettings(engine=VectorEngine.ANNOY, annoy_tail=200)
    with ThreadPoolExecutor(1) as merger:
        database = open_database(settings, DIMENSIONS, merger)
        for row, vector in enumerate(ABOUT_TOPICS):
            database.add([str(row)], vector[None])
            if row % 7 == 0:
                assert database.nearest(vector[None], 1)[0][0].key == str(row)
            if row % 3 == 0:
                database.remove([str(row // 2)])
        gone = {row // 2 for row in range(0, ENTRIES, 3)}
        found = database.nearest(ABOUT_TOPICS, 2)
    assert not {int(one.key) for neighbours in found for one in neighbours} & gone
    assert all(int(found[row][0].key) == row for row in range(ENTRIES) if row not in gone)


def test_fixed_point_errs_by_half_a_step() -> None:
    vectors = directions(500, 4)
    assert np.abs(from_fixed(to_fixed(vectors)) - vectors).max() <= 0.5 / ONE + 1e-7
    assert from_fixed(to_fixed(np.array([[-1, 0, 1, 1.00001]], np.float32))).tolist() == [[-1, 0, 1, 1]]
