"""The newest entries of the Annoy engine, which are looked through one by one until they are frozen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agents.cache.vectors.protocol import Vectors
from agents.cache.vectors.slots import Places

OUT = np.float32(-4)
"""Added to the cosine of an entry that is gone: below every real one."""


class Tail:
    """Slots in the order they came, with the beginnings of their vectors.

    Args:
        number: Of the tail; unique among tails and segments.
        capacity: Entries it takes; those that were removed count.
        width: Numbers of a vector that are kept.
    """

    def __init__(self, number: int, capacity: int, width: int) -> None:
        self.number = number
        self._slots: Places = np.empty(capacity, np.int32)
        self._prefixes: Vectors = np.empty((capacity, width), np.float32)
        self._capacity = capacity
        self._count: int = 0

    @property
    def slots(self) -> Places:
        """Of all entries that came, also of those that are gone."""
        return self._slots[: self._count]

    @property
    def room(self) -> int:
        """Entries that it still takes."""
        return self._capacity - self._count

    @property
    def memory_bytes(self) -> int:
        """Memory of what was ever used of the arrays."""
        return self.slots.nbytes + self._prefixes[: self._count].nbytes

    def append(self, places: Places, prefixes: Vectors) -> None:
        """Take entries; not more than there is room for."""
        end = self._count + len(places)
        self._slots[self._count : end] = places
        self._prefixes[self._count : end] = prefixes
        self._count = end

    def candidates(
        self, prefixes: Vectors, count: int, here: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.intp], Places]:
        """Return the entries that begin most like the queries, as pairs of a query's row and a slot.

        Args:
            prefixes: Beginnings of the queries.
            count: Most pairs per query.
            here: Which entries are not gone.
        """
        similarities = prefixes @ self._prefixes[: self._count].T
        if not here.all():
            similarities += np.where(here, np.float32(0), OUT)
        count = min(count, int(here.sum()))
        best = (
            np.argpartition(similarities, -count, axis=1)[:, -count:] if count else np.empty((len(prefixes), 0), int)
        )
        return np.repeat(np.arange(len(prefixes)), count), self.slots[best.ravel()]
