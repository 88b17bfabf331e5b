from __future__ import annotations

import numpy as np

from agents.cache.vectors.cell import halves
from agents.cache.vectors.ivf import SMALLEST_LIMIT, InvertedFile
from agents.cache.vectors.protocol import Vectors

DIMENSIONS = 16


def directions(count: int, seed: int = 1) -> Vectors:
    made = np.random.default_rng(seed).standard_normal((count, DIMENSIONS)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def names(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def test_cells_divide_as_entries_come_and_dissolve_as_they_go() -> None:
    database = InvertedFile(DIMENSIONS, probes=10)
    vectors = directions(3_000)
    database.add(names(3_000), vectors)
    many = len(database._cells)
    assert 3_000 / SMALLEST_LIMIT < many < 300
    assert max(map(len, database._cells)) <= SMALLEST_LIMIT
    database.remove(names(2_900))
    assert len(database._cells) < many / 4
    found = database.nearest(vectors[2_900:], 1)
    assert [one[0].key for one in found] == names(3_000)[2_900:]
    database.remove(names(3_000))
    assert len(database._cells) == 1
    assert database.nearest(vectors[:1], 1) == [[]]
    assert database.memory_bytes < 100_000


def test_numbers_of_cells_and_their_entries_stay_right() -> None:
    database = InvertedFile(DIMENSIONS)
    vectors = directions(2_000)
    database.add(names(2_000), vectors)
    database.remove(names(1_000)[::2])
    database.add(names(500), directions(500, seed=2))
    assert [cell.number for cell in database._cells] == list(range(len(database._cells)))
    assert {key: cell for cell in database._cells for key in cell.keys} == database._cell_of


def test_a_cell_of_equal_vectors_is_let_grow() -> None:
    database = InvertedFile(DIMENSIONS)
    vector = directions(1)
    database.add(names(1_000), np.repeat(vector, 1_000, axis=0))
    assert len(database._cells) == 1
    assert [len(found) for found in database.nearest(vector, 7)] == [7]
    database.add(["other"], -vector)
    assert database.nearest(-vector, 1)[0][0].key == "other"


def test_halves_are_groups_of_similar_vectors() -> None:
    left, right = directions(2, seed=3)
    noise = 0.1 * directions(60, seed=4)
    vectors = np.concatenate([left + noise[:40], right + noise[40:]])
    second = halves(vectors)
    assert second is not None
    assert len(set(second[:40])) == len(set(second[40:])) == 1
    assert second[0] != second[40]
    assert halves(np.repeat(vectors[:1], 9, axis=0)) is None
    mostly_one = np.concatenate([np.repeat(vectors[:1], 9, axis=0), vectors[50:51]])
    found = halves(mostly_one)
    assert found is not None
    assert found.tolist().count(True) in (1, 9)
