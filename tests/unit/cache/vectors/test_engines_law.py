"""Whatever the order of adds, removals, replacements and merges: what is there is found, the rest never is."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cache.vectors.annoy import AnnoyDatabase
from agents.cache.vectors.ivf import InvertedFile
from agents.cache.vectors.protocol import VectorDatabase, Vectors
from schemas.vector_settings import VectorEngine, VectorSettings
from tests.unit.cache.vectors.held import HeldExecutor

DIMENSIONS = 8
KEYS = 400
POOL = 60
EVERYTHING = 1_000_000
TOLERANCE = 3e-4
SETTINGS = VectorSettings(annoy_tail=16, annoy_trees=3, annoy_prefix=DIMENSIONS, annoy_search=EVERYTHING)


def pool_of_vectors() -> Vectors:
    """Directions, some of them close to each other, and one that has none."""
    made = np.random.default_rng(7).standard_normal((POOL, DIMENSIONS)).astype(np.float32)
    made[POOL // 2 :] = made[: POOL // 2] + 0.05 * made[POOL // 2 :]
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    made[0] = 0
    return made


VECTORS = pool_of_vectors()


class Step(NamedTuple):
    kind: Literal["add", "remove", "merge"]
    first: int
    many: int
    vector: int


steps = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(["add", "add", "remove", "merge"]),
        first=st.integers(0, KEYS - 1),
        many=st.integers(1, 150),
        vector=st.integers(0, POOL - 1),
    ),
    max_size=25,
)


def opened(engine: VectorEngine, held: HeldExecutor) -> VectorDatabase:
    if engine is VectorEngine.ANNOY:
        return AnnoyDatabase(DIMENSIONS, held, SETTINGS)
    return InvertedFile(DIMENSIONS, probes=EVERYTHING)


def check(database: VectorDatabase, model: dict[str, int], queries: Vectors, count: int) -> None:
    """Compare look-ups with an exact search."""
    assert len(database) == len(model)
    held = VECTORS[list(model.values())] if model else np.zeros((0, DIMENSIONS), np.float32)
    exact = -np.sort(-(queries @ held.T), axis=1)[:, :count]
    for query, expected, found in zip(queries, exact, database.nearest(queries, count), strict=True):
        assert len({one.key for one in found}) == len(found) == len(expected)
        for one, similarity in zip(found, expected.tolist(), strict=True):
            assert one.similarity == pytest.approx(similarity, abs=TOLERANCE)
            assert one.similarity == pytest.approx(float(VECTORS[model[one.key]] @ query), abs=TOLERANCE)


@pytest.mark.parametrize("engine", list(VectorEngine))
@given(steps=steps, count=st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_look_ups_are_those_of_an_exact_search(engine: VectorEngine, steps: list[Step], count: int) -> None:
    held = HeldExecutor()
    database = opened(engine, held)
    model: dict[str, int] = {}
    for step in steps:
        numbers = [(step.first + place) % KEYS for place in range(step.many)]
        if step.kind == "add":
            rows = [(step.vector + place * place) % POOL for place in range(step.many)]
            database.add([f"k{number}" for number in numbers], VECTORS[rows])
            model.update({f"k{number}": row for number, row in zip(numbers, rows, strict=True)})
        elif step.kind == "remove":
            database.remove([f"k{number}" for number in numbers])
            for number in numbers:
                model.pop(f"k{number}", None)
        else:
            held.run()
        check(database, model, VECTORS[[step.vector, (step.vector + 1) % POOL]], count)
    check(database, model, VECTORS, count)


@pytest.mark.parametrize("engine", list(VectorEngine))
def test_of_equal_keys_in_one_call_the_last_counts(engine: VectorEngine) -> None:
    database = opened(engine, HeldExecutor())
    database.add(["a", "b", "a"], VECTORS[[1, 2, 3]])
    check(database, {"a": 3, "b": 2}, VECTORS[1:4], 2)


@pytest.mark.parametrize("engine", list(VectorEngine))
def test_keys_and_vectors_that_do_not_match_are_refused(engine: VectorEngine) -> None:
    database = opened(engine, HeldExecutor())
    with pytest.raises(ValueError, match="2 keys for 1 vectors"):
        database.add(["a", "b"], VECTORS[:1])
    assert len(database) == 0
    database.add([], VECTORS[:0])
    assert database.nearest(VECTORS[:2], 3) == [[], []]
    assert database.nearest(VECTORS[:0], 3) == []
