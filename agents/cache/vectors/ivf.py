"""An inverted file: entries in cells around centres; a look-up goes through the nearest cells, exactly.

Nothing is frozen and nothing is built: an entry goes to the cell of the nearest centre, a cell that has grown too
large is divided in two, one that has become too small is given to its neighbours. So there is no background work, a
removed entry is gone at once, and the same calls always end in the same state. docs/adr/0018 compares it with others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from agents.cache.vectors.cell import Cell, centres_of, halves
from agents.cache.vectors.fixed_point import ONE, Rows, from_fixed
from agents.cache.vectors.incoming import distinct
from agents.cache.vectors.protocol import Neighbour, Vectors

PROBES = 20
SMALLEST_LIMIT = 64
"""Entries; below it a cell costs more by being one than by being searched."""
LIMIT_PER_ROOT = 0.7
"""A cell's limit per square root of the entries: with it looking for cells and looking through them cost the same."""
DISSOLVED_SHARE = 1 / 8
"""Of the limit, below which a cell is given to its neighbours."""
CHUNK = 1_024
"""Vectors handled at once, which bounds the memory that a call takes."""
GROWTH = 1.25
FIRST_CENTRES = 16

Numbers = npt.NDArray[np.intp]


class InvertedFile:
    """Embeddings by key, found by the cells they are in. Not for several threads at once.

    Args:
        dimensions: Of the vectors.
        probes: Cells that are looked through per query; all of them make a look-up exact.
    """

    def __init__(self, dimensions: int, probes: int = PROBES) -> None:
        self._dimensions = dimensions
        self._probes = probes
        self._cells = [Cell(0, dimensions)]
        self._centres: Vectors = np.zeros((FIRST_CENTRES, dimensions), np.float32)
        self._cell_of: dict[str, Cell] = {}

    def __len__(self) -> int:
        return len(self._cell_of)

    @property
    def memory_bytes(self) -> int:
        """Memory of the arrays; keys are not in it."""
        return self._centres.nbytes + sum(cell.memory_bytes for cell in self._cells)

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Put entries in, one per row, each in place of one with its key; of equal keys the last one counts."""
        names, rows = distinct(keys, vectors)
        self.remove([key for key in names if key in self._cell_of])
        for start in range(0, len(names), CHUNK):
            self._put(names[start : start + CHUNK], rows[start : start + CHUNK])

    def remove(self, keys: Sequence[str]) -> None:
        """Take entries out; keys that are not there are ignored."""
        for key in keys:
            cell = self._cell_of.pop(key, None)
            if cell is not None:
                cell.remove(key)
                if len(cell) < DISSOLVED_SHARE * self._limit() and len(self._cells) > 1:
                    self._dissolve(cell)

    def nearest(self, queries: Vectors, count: int) -> list[list[Neighbour]]:
        """Return for each row the nearest entries of the probed cells, the most similar first."""
        if not self._cell_of:
            return [[] for _ in queries]
        return [
            found
            for start in range(0, len(queries), CHUNK)
            for found in self._nearest(queries[start : start + CHUNK], count)
        ]

    def _limit(self) -> int:
        return max(SMALLEST_LIMIT, int(LIMIT_PER_ROOT * math.sqrt(len(self._cell_of))))

    def _put(self, keys: Sequence[str], rows: Rows) -> None:
        """Give entries that are in no cell to the nearest ones, and divide those that are full."""
        nearest = (from_fixed(rows) @ self._centres[: len(self._cells)].T).argmax(axis=1)
        full = []
        for number, members in grouped(nearest):
            cell = self._cells[number]
            names = [keys[row] for row in members.tolist()]
            cell.append(names, rows[members])
            self._cell_of.update(dict.fromkeys(names, cell))
            full.append(cell)
        while full:
            cell = full.pop()
            if len(cell) > max(self._limit(), cell.tolerated):
                full += self._divide(cell)

    def _divide(self, cell: Cell) -> list[Cell]:
        """Divide a cell in two; return those that may still be too large."""
        vectors = from_fixed(cell.rows)
        second = halves(vectors)
        if second is None:
            cell.tolerated = 2 * len(cell)
            return []
        number = len(self._cells)
        if number == len(self._centres):
            more = np.zeros((math.ceil(number * (GROWTH - 1)), self._dimensions), np.float32)
            self._centres = np.concatenate([self._centres, more])
        self._centres[[cell.number, number]] = centres_of(vectors, second)
        half = Cell(number, self._dimensions)
        self._cells.append(half)
        half.append(*cell.take(second))
        self._cell_of.update(dict.fromkeys(half.keys, half))
        cell.tolerated = 0
        return [cell, half]

    def _dissolve(self, cell: Cell) -> None:
        last = self._cells.pop()
        if last is not cell:  # the last cell takes its number
            self._centres[cell.number] = self._centres[last.number]
            self._cells[cell.number] = last
            last.number = cell.number
        if cell.keys:
            self._put(cell.keys, cell.rows)

    def _nearest(self, queries: Vectors, count: int) -> list[list[Neighbour]]:
        probed = self._probed(queries)
        pairs = probed.ravel()
        similarities = np.full((len(pairs), count), -np.inf, np.float32)
        rows = np.zeros((len(pairs), count), np.intp)
        if len(queries) == 1:
            self._look_through_alone(pairs, queries[0], similarities, rows)
        else:
            self._look_through(pairs, queries, similarities, rows)
        return self._named(probed, similarities.reshape(len(queries), -1), rows.reshape(len(queries), -1), count)

    def _look_through(self, pairs: Numbers, queries: Vectors, similarities: Vectors, rows: Numbers) -> None:
        """Fill in the best of each pair of a query and a cell; every cell is read once for all of its queries."""
        probes, count = len(pairs) // len(queries), rows.shape[1]
        for number, members in grouped(pairs):
            cell = self._cells[number]
            if cell.keys:
                all_of_them = queries[members // probes] @ cell.rows.astype(np.float32).T
                best = top(all_of_them, min(count, len(cell)))
                rows[members, : best.shape[1]] = best
                similarities[members, : best.shape[1]] = all_of_them[np.arange(len(members))[:, None], best]

    def _look_through_alone(self, pairs: Numbers, query: Vectors, similarities: Vectors, rows: Numbers) -> None:
        """Do the same for one query, which takes half as long without grouping."""
        count = rows.shape[1]
        for place, number in enumerate(pairs.tolist()):
            cell = self._cells[number]
            if cell.keys:
                all_of_them = cell.rows.astype(np.float32) @ query
                best = top(all_of_them[None], min(count, len(cell)))[0]
                rows[place, : len(best)] = best
                similarities[place, : len(best)] = all_of_them[best]

    def _probed(self, queries: Vectors) -> Numbers:
        """Return the numbers of the cells to look through, one row per query."""
        cells = len(self._cells)
        if cells <= self._probes:
            return np.broadcast_to(np.arange(cells), (len(queries), cells))
        return top(queries @ self._centres[:cells].T, self._probes)

    def _named(self, probed: Numbers, similarities: Vectors, rows: Numbers, count: int) -> list[list[Neighbour]]:
        order = np.argsort(-similarities, axis=1, kind="stable")[:, :count]
        queries = np.arange(len(order))[:, None]
        numbers = probed[queries, order // count].tolist()
        places = rows[queries, order].tolist()
        cosines = (similarities[queries, order] / ONE).tolist()
        return [
            [
                Neighbour(self._cells[number].keys[row], min(cosine, 1.0))
                for number, row, cosine in zip(*found, strict=True)
                if cosine > -math.inf
            ]
            for found in zip(numbers, places, cosines, strict=True)
        ]


def grouped(numbers: Numbers) -> list[tuple[int, Numbers]]:
    """Return each number that occurs with the places where it does."""
    order = np.argsort(numbers, kind="stable")
    arranged = numbers[order]
    cuts = np.flatnonzero(np.diff(arranged)) + 1
    firsts = arranged[np.concatenate([np.zeros(1, np.intp), cuts])] if len(numbers) else arranged
    return list(zip(firsts.tolist(), np.split(order, cuts), strict=True)) if len(numbers) else []


def top(similarities: Vectors, count: int) -> Numbers:
    """Return the columns of the largest values of each row, in any order."""
    if count == 1:
        return cast("Numbers", similarities.argmax(axis=1)[:, None])
    if count >= similarities.shape[1]:
        return np.arange(similarities.shape[1])[None, :]
    return np.argpartition(similarities, -count, axis=1)[:, -count:]
