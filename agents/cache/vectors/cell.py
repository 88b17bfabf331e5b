"""A cell of the inverted file: entries that are near one centre, in one piece of memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import cast

import numpy as np
import numpy.typing as npt

from agents.cache.vectors.fixed_point import Rows
from agents.cache.vectors.protocol import Vectors

STEP = 16
"""Rows by which a cell grows: copying is cheap at these sizes, unused rows are not."""
AXIS_ROUNDS = 4
"""Multiplications with the covariance; enough for a direction that halves well."""
MEAN_ROUNDS = 6
SMALLEST_SHARE = 1 / 8
"""Of a half in the whole. Cells of very different sizes are searched as long as the largest."""

Mask = npt.NDArray[np.bool_]


class Cell:
    """Keys and their rows.

    Attributes:
        number: Place of its centre in the matrix of centres.
        keys: Of the entries, by row.
        tolerated: Entries with which it may be larger than others, because it cannot be divided.
    """

    __slots__ = ("_memory", "keys", "number", "tolerated")

    def __init__(self, number: int, dimensions: int) -> None:
        self.number = number
        self.keys: list[str] = []
        self.tolerated = 0
        self._memory: Rows = np.empty((0, dimensions), np.int16)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def rows(self) -> Rows:
        """Of the entries; a view that the next change makes stale."""
        return self._memory[: len(self.keys)]

    @property
    def memory_bytes(self) -> int:
        """Memory of the rows, used or not."""
        return self._memory.nbytes

    def append(self, keys: Sequence[str], rows: Rows) -> None:
        """Put entries in; none of the keys may be there already."""
        first, end = len(self.keys), len(self.keys) + len(keys)
        if end > len(self._memory):
            self._resize(end)
        self._memory[first:end] = rows
        self.keys.extend(keys)

    def remove(self, key: str) -> None:
        """Take an entry out; the last one takes its row."""
        row = self.keys.index(key)
        last = self.keys.pop()
        if row < len(self.keys):
            self.keys[row] = last
            self._memory[row] = self._memory[len(self.keys)]
        if len(self._memory) - len(self.keys) >= 2 * STEP:
            self._resize(len(self.keys))

    def take(self, chosen: Mask) -> tuple[list[str], Rows]:
        """Take the chosen entries out and return them."""
        taken = list(compress(self.keys, chosen)), self.rows[chosen]
        kept = self.rows[~chosen]
        self.keys = list(compress(self.keys, ~chosen))
        self._memory = kept
        return taken

    def _resize(self, rows: int) -> None:
        memory = np.empty((-(-rows // STEP) * STEP, self._memory.shape[1]), np.int16)
        memory[: len(self.keys)] = self._memory[: len(self.keys)]
        self._memory = memory


def halves(vectors: Vectors) -> Mask | None:
    """Return which vectors belong to the second of two groups of similar ones; None where all are the same.

    The groups begin as the halves along the direction in which the vectors differ most, and are then moved by k-means
    as long as the smaller one stays large enough.
    """
    centred = vectors - vectors.mean(axis=0)
    axis = centred[int(np.einsum("ij,ij->i", centred, centred).argmax())]
    for _ in range(AXIS_ROUNDS):
        axis = (centred @ axis) @ centred
        length = float(np.linalg.norm(axis))
        if length == 0:
            return None
        axis = axis / np.float32(length)
    places = centred @ axis
    middle = np.median(places)
    second: Mask = places > middle
    if not _balanced(second):
        second = places >= middle
    if second.all() or not second.any():
        return None
    for _ in range(MEAN_ROUNDS):
        moved: Mask = np.diff(vectors @ centres_of(vectors, second).T, axis=1)[:, 0] > 0
        if not _balanced(moved) or np.array_equal(moved, second):
            break
        second = moved
    return second


def centres_of(vectors: Vectors, second: Mask) -> Vectors:
    """Return the directions of the means of the others and of the second group, as two rows of length 1."""
    means = np.stack([vectors[~second].mean(axis=0), vectors[second].mean(axis=0)])
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return cast("Vectors", means / np.where(lengths == 0, np.float32(1), lengths))


def _balanced(second: Mask) -> bool:
    return SMALLEST_SHARE <= float(second.mean()) <= 1 - SMALLEST_SHARE
