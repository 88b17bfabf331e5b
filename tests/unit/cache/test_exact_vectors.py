from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cache.vectors.exact import ExactVectors
from agents.cache.vectors.protocol import VectorDatabase, Vectors

DIMENSIONS = 8


def some_vectors(count: int, seed: int = 0) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


@settings(max_examples=50, deadline=None)
@given(size=st.integers(0, 400), count=st.integers(1, 90), seed=st.integers(0, 1000))
def test_it_finds_what_sorting_all_would(size: int, count: int, seed: int) -> None:
    vectors, queries = some_vectors(size, seed), some_vectors(3, seed + 1)
    database: VectorDatabase = ExactVectors(DIMENSIONS)
    database.add([str(number) for number in range(size)], vectors)
    for query, found in zip(queries, database.nearest(queries, count), strict=True):
        similar = vectors @ query
        wanted = np.sort(similar)[::-1][:count]
        assert [neighbour.similarity for neighbour in found] == pytest.approx(wanted.tolist(), abs=1e-5)
        assert [float(similar[int(neighbour.key)]) for neighbour in found] == pytest.approx(wanted.tolist(), abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 20)), max_size=30))
def test_it_holds_what_was_put_in_and_not_taken_out(steps: list[tuple[bool, int, int]]) -> None:
    database, held = ExactVectors(DIMENSIONS), dict[str, Vectors]()
    for put, key, seed in steps:
        name = f"key {key}"
        if put:
            held[name] = some_vectors(1, seed)
            database.add([name], held[name])
        else:
            held.pop(name, None)
            database.remove([name, "never there"])
    assert len(database) == len(held)
    for name, vector in held.items():
        (found,) = database.nearest(vector, len(held))
        assert {neighbour.key for neighbour in found} == set(held)
        best = [neighbour.key for neighbour in found if neighbour.similarity == pytest.approx(1, abs=1e-5)]
        assert name in best


def test_it_grows() -> None:
    size = 3000
    database = ExactVectors(DIMENSIONS)
    vectors = some_vectors(size)
    for start in range(0, size, 700):
        part = vectors[start : start + 700]
        database.add([str(start + number) for number in range(len(part))], part)
    found = database.nearest(vectors[::500], 1)
    assert [neighbours[0].key for neighbours in found] == [str(number) for number in range(0, size, 500)]


def test_of_equals_the_first_put_in_comes_first() -> None:
    database = ExactVectors(DIMENSIONS)
    vector = some_vectors(1)
    database.add([str(number) for number in range(200)], np.repeat(vector, 200, axis=0))
    (found,) = database.nearest(vector, 3)
    assert [neighbour.key for neighbour in found] == ["0", "1", "2"]
