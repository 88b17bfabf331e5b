"""A frozen part of the Annoy engine: an index that can be asked and not changed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import chain

import numpy as np
import numpy.typing as npt
from annoy import AnnoyIndex

from agents.cache.vectors.fixed_point import Rows, from_fixed
from agents.cache.vectors.protocol import Vectors
from agents.cache.vectors.slots import Places

ITEMS_AT_ONCE = 64
PAUSE_SECONDS = 1e-4
"""Between so many items. They are added under the interpreter's lock, which a busy thread gives away only every 5 ms;
building the trees, nine tenths of the work, needs no lock."""
SEARCHED_AT = 100_000
"""Entries at which a look-up goes through `search` of them; it grows with the square root."""
LEAST_SEARCHED = 100


class Segment:
    """An Annoy index over the beginnings of vectors.

    Args:
        number: Of the segment; unique among tails and segments.
        slots: By item of the index.
        index: Built.
        search: Entries that a look-up goes through at a size of `SEARCHED_AT`.
    """

    def __init__(self, number: int, slots: Places, index: AnnoyIndex, search: int) -> None:
        self.number = number
        self.slots = slots
        self._index = index
        self._search = max(LEAST_SEARCHED, int(search * math.sqrt(len(slots) / SEARCHED_AT)))

    def candidates(self, prefixes: Vectors, count: int) -> tuple[npt.NDArray[np.intp], Places]:
        """Return entries that begin like the queries, as pairs of a query's row and a slot.

        Those that are gone come too.

        Args:
            prefixes: Beginnings of the queries.
            count: Most pairs per query.
        """
        search = max(self._search, count * self._index.get_n_trees())
        find = self._index.get_nns_by_vector
        found = [find(prefix, count, search) for prefix in prefixes.tolist()]
        counts = np.fromiter(map(len, found), np.intp, len(found))
        items = np.fromiter(chain.from_iterable(found), np.intp, int(counts.sum()))
        return np.repeat(np.arange(len(found)), counts), self.slots[items]


def build_index(slots: Places, read: Callable[[Places], Rows], width: int, trees: int, seed: int) -> AnnoyIndex:
    """Build an index; may run in a thread of its own. The same arguments make the same index.

    Args:
        slots: By item.
        read: Returns the beginnings of the vectors of some slots.
        width: Of these beginnings.
        trees: More of them find more and take more memory.
        seed: Of the planes that the trees divide by.
    """
    index = AnnoyIndex(width, "angular")
    index.set_seed(seed)
    if len(slots):
        index.add_item(len(slots) - 1, [0.0] * width)  # takes the memory of all items at once, not in growing steps
    for start in range(0, len(slots), ITEMS_AT_ONCE):
        rows = from_fixed(read(slots[start : start + ITEMS_AT_ONCE]))
        for item, row in enumerate(rows.tolist(), start):
            index.add_item(item, row)
        time.sleep(PAUSE_SECONDS)
    index.build(trees, n_jobs=1)
    return index
