"""Exact search: every entry is compared with every query. For small indexes, and to judge others by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from agents.cache.vectors.protocol import Neighbour, Vectors

BLOCK = 64
"""Entries of which only the best is looked at first: the nearest lie in the blocks with the best entries."""
QUERIES = 128
FIRST_ROWS = 1
"""Most scopes of the semantic cache hold one question: a conversation that went its own way."""


class ExactVectors:
    """A `VectorDatabase` that forgets nothing and misses nothing; a query takes time by the number of entries.

    Args:
        dimensions: Of a vector.
    """

    def __init__(self, dimensions: int) -> None:
        self._keys: list[str] = []
        self._rows: dict[str, int] = {}
        self._vectors: Vectors = np.zeros((FIRST_ROWS, dimensions), dtype=np.float32)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Put entries in, one per row; an entry whose key is there already takes its place."""
        for key in keys:
            if key not in self._rows:
                self._rows[key] = len(self._keys)
                self._keys.append(key)
        if len(self._keys) > len(self._vectors):
            bigger = np.zeros((max(len(self._keys), 2 * len(self._vectors)), self._vectors.shape[1]), np.float32)
            bigger[: len(self._vectors)] = self._vectors
            self._vectors = bigger
        self._vectors[[self._rows[key] for key in keys]] = vectors

    def remove(self, keys: Sequence[str]) -> None:
        """Take entries out; the last one moves to each free place."""
        for key in keys:
            row = self._rows.pop(key, None)
            if row is None:
                continue
            last = self._keys.pop()
            if last != key:
                self._keys[row] = last
                self._rows[last] = row
                self._vectors[row] = self._vectors[len(self._keys)]

    def nearest(self, queries: Vectors, count: int) -> list[list[Neighbour]]:
        """Return for each row the nearest entries, the most similar first; fewer where there are fewer."""
        size = len(self._keys)
        wanted = min(count, size)
        if not wanted:
            return [[] for _ in range(len(queries))]
        found: list[list[Neighbour]] = []
        blocks = -(-size // BLOCK)
        similar = np.full((QUERIES, blocks * BLOCK), -np.inf, dtype=np.float32)
        entries = self._vectors[:size].T
        for start in range(0, len(queries), QUERIES):
            some = np.asarray(queries[start : start + QUERIES], dtype=np.float32)
            part = similar[: len(some)]
            np.matmul(some, entries, out=part[:, :size])
            rows, nearness = _best(part.reshape(len(some), blocks, BLOCK), wanted)
            found += [
                [Neighbour(self._keys[row], near) for row, near in zip(line, values, strict=True)]
                for line, values in zip(rows.tolist(), nearness.tolist(), strict=True)
            ]
        return found


def _best(similar: npt.NDArray[np.float32], wanted: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the columns with the highest values of each row and those values, the highest first."""
    queries, blocks, size = similar.shape
    kept = min(wanted, blocks)
    peaks = similar.max(axis=2)
    chosen = np.sort(np.argpartition(-peaks, kept - 1, axis=1)[:, :kept], axis=1)
    values = np.take_along_axis(similar, chosen[:, :, None], axis=1).reshape(queries, kept * size)
    columns = (chosen[:, :, None] * size + np.arange(size)).reshape(queries, kept * size)
    order = np.argsort(-values, axis=1, kind="stable")[:, :wanted]
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)
