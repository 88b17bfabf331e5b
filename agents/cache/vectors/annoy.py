"""Annoy behind `VectorDatabase`: frozen segments, tails of newest entries, and merges in the background.

The beginning of a vector finds candidates (the embeddings are Matryoshka: their first numbers say most), the whole
vector ranks them. What counts as an entry is decided in one place: a candidate of a tail or segment is one if the
tail in which its slot's entry was born has gone into that tail or segment. So an entry that was removed or replaced
is gone at once from every index that still holds it, and what happens during a merge needs no care.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from agents.cache.vectors.fixed_point import ONE, Rows, from_fixed, to_fixed
from agents.cache.vectors.incoming import distinct
from agents.cache.vectors.merge import joining
from agents.cache.vectors.protocol import Neighbour, Vectors
from agents.cache.vectors.segment import Segment, build_index
from agents.cache.vectors.slots import NOBODY, Places, Slots
from agents.cache.vectors.tail import Tail
from schemas.vector_settings import VectorSettings

CHUNK = 256
"""Queries handled at once, which bounds the memory that a call takes."""
CANDIDATES = 12
"""Per query, and per tail or segment."""
MORE = 4
"""Times as many candidates are asked for when most of them are gone."""

Numbers = npt.NDArray[np.intp]
Pairs = tuple[Numbers, Places]


class AnnoyDatabase:
    """Embeddings by key. One thread calls it; merges run elsewhere meanwhile.

    Args:
        dimensions: Of the vectors.
        merger: Runs merges; one thread is enough for many databases. It is not shut down here.
        settings: Those that begin with `annoy_` count.
    """

    def __init__(self, dimensions: int, merger: Executor, settings: VectorSettings) -> None:
        self._settings = settings
        self._width = min(settings.annoy_prefix, dimensions)
        self._merger = merger
        self._slots = Slots(dimensions)
        self._part_of: Places = np.array([NOBODY], np.int32)  # tail or segment by the number of the tail of birth
        self._living: Numbers = np.zeros(1, np.intp)  # entries by number of the tail or segment
        self._full: list[Tail] = []
        self._segments: list[Segment] = []
        self._merge: Future[Segment] | None = None
        self._merged: tuple[int, ...] = ()
        self._tail = self._new_tail()

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def merging(self) -> bool:
        """Whether a merge is under way."""
        return self._merge is not None

    @property
    def segments(self) -> int:
        """How many there are."""
        return len(self._segments)

    @property
    def memory_bytes(self) -> int:
        """Memory of the arrays; keys and Annoy's own are not in it."""
        tails = sum(tail.memory_bytes for tail in (self._tail, *self._full))
        return self._slots.memory_bytes + tails + sum(segment.slots.nbytes for segment in self._segments)

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Put entries in, one per row, each in place of one with its key; of equal keys the last one counts."""
        names, rows = distinct(keys, vectors)
        self.remove([key for key in names if key in self._slots])
        start = 0
        while start < len(names):
            end = start + self._tail.room
            places = self._slots.put(names[start:end], rows[start:end], self._tail.number)
            self._tail.append(places, from_fixed(rows[start:end, : self._width]))
            self._living[self._tail.number] += len(places)
            if not self._tail.room:
                self._full.append(self._tail)
                self._tail = self._new_tail()
                self._slots.rest()
            start = end
        self._advance()

    def remove(self, keys: Sequence[str]) -> None:
        """Take entries out; keys that are not there are ignored."""
        births = self._slots.give_back(keys)
        np.subtract.at(self._living, self._part_of[births], 1)
        self._advance()

    def nearest(self, queries: Vectors, count: int) -> list[list[Neighbour]]:
        """Return for each row the nearest of the candidates, the most similar first."""
        self._advance()
        return [
            found
            for start in range(0, len(queries), CHUNK)
            for found in self._nearest(queries[start : start + CHUNK], count)
        ]

    def settle(self) -> None:
        """Wait until there is nothing to merge."""
        while self._merge is not None:
            self._merge.exception()
            self._advance()

    def _new_tail(self) -> Tail:
        number = len(self._part_of)
        self._part_of = np.append(self._part_of, np.int32(number))
        self._living = np.append(self._living, 0)
        return Tail(number, self._settings.annoy_tail, self._width)

    def _advance(self) -> None:
        """Take over a merge that has ended, and begin one if it is due."""
        if self._merge is not None and self._merge.done():
            merge, self._merge = self._merge, None
            self._take_over(merge.result())
        if self._merge is None:
            self._begin()

    def _take_over(self, made: Segment) -> None:
        self._part_of[np.isin(self._part_of, self._merged)] = made.number
        self._living[made.number] = self._living[list(self._merged)].sum()
        self._living[list(self._merged)] = 0
        self._full = [tail for tail in self._full if tail.number not in self._merged]
        self._segments = [one for one in self._segments if one.number not in self._merged] + [made]

    def _begin(self) -> None:
        self._segments = [one for one in self._segments if self._living[one.number]]
        self._full = [one for one in self._full if self._living[one.number]]
        living = {one.number: int(self._living[one.number]) for one in self._segments}
        waiting = sum(int(self._living[tail.number]) for tail in self._full)
        chosen = joining(self._segments, living, waiting)
        parts: list[Tail | Segment] = [*self._full, *chosen]
        if not parts:
            return
        number = len(self._part_of)
        self._part_of = np.append(self._part_of, np.int32(NOBODY))  # no entry is ever born in a segment
        self._living = np.append(self._living, 0)
        self._merged = tuple(part.number for part in parts)
        made_of = [(part.number, part.slots) for part in parts]
        self._merge = self._merger.submit(self._build, number, made_of, self._part_of, self._slots.births)

    def _build(self, number: int, made_of: Sequence[tuple[int, Places]], part_of: Places, births: Places) -> Segment:
        """Runs in another thread. Entries that go meanwhile may get into the segment, and do not count there."""
        own = [slots[np.isin(births[slots], np.flatnonzero(part_of == part))] for part, slots in made_of]
        slots = np.sort(np.concatenate(own))
        settings = self._settings
        index = build_index(slots, self._prefixes, self._width, settings.annoy_trees, settings.annoy_seed)
        return Segment(number, slots, index, settings.annoy_search)

    def _prefixes(self, places: Places) -> Rows:
        return self._slots.rows(places, self._width)

    def _nearest(self, queries: Vectors, count: int) -> list[list[Neighbour]]:
        # as the prefixes of entries were rounded, so that an equal vector takes every turn its entry took
        prefixes = from_fixed(to_fixed(queries[:, : self._width]))
        asked = max(count, CANDIDATES)
        found = [self._in_tail(tail, prefixes, asked) for tail in (self._tail, *self._full)]
        found += [self._in_segment(segment, prefixes, asked, count) for segment in self._segments]
        owners = np.concatenate([pairs[0] for pairs in found])
        places = np.concatenate([pairs[1] for pairs in found])
        vectors = self._slots.rows(places).astype(np.float32)
        cosines = np.einsum("ij,ij->i", vectors, queries[owners]) / np.float32(ONE)
        order = np.lexsort((places, -cosines, owners))
        ends = np.searchsorted(owners[order], np.arange(len(queries) + 1))
        return [
            [
                Neighbour(self._slots.key(slot), min(cosine, 1.0))
                for slot, cosine in zip(places[best].tolist(), cosines[best].tolist(), strict=True)
            ]
            for best in (order[start : min(start + count, end)] for start, end in pairwise(ends.tolist()))
        ]

    def _here(self, places: Places, part: int) -> npt.NDArray[np.bool_]:
        """Return in which of these slots of a tail or segment the entries are its own."""
        mine: npt.NDArray[np.bool_] = self._part_of[self._slots.births[places]] == part
        return mine

    def _in_tail(self, tail: Tail, prefixes: Vectors, asked: int) -> Pairs:
        return tail.candidates(prefixes, asked, self._here(tail.slots, tail.number))

    def _in_segment(self, segment: Segment, prefixes: Vectors, asked: int, wanted: int) -> Pairs:
        """Return candidates that are not gone: where too few are left of those asked for, more are asked for."""
        owners, places = segment.candidates(prefixes, asked)
        here = self._here(places, segment.number)
        owners, places = owners[here], places[here]
        wanted = min(wanted, int(self._living[segment.number]))
        short = np.flatnonzero(np.bincount(owners, minlength=len(prefixes)) < wanted)
        if not len(short) or asked >= len(segment.slots):
            return owners, places
        again, more = self._in_segment(segment, prefixes[short], asked * MORE, wanted)
        enough = ~np.isin(owners, short)
        return np.concatenate([owners[enough], short[again]]), np.concatenate([places[enough], more])
