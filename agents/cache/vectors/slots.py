"""Where entries of the Annoy engine are: a slot each for key and vector, and the tail in which they came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from agents.cache.vectors.fixed_point import Rows

BLOCK = 1 << 16
"""Slots whose vectors are in one piece of memory. What of it was never used takes no memory."""
NOBODY = 0
"""Birth of a slot without an entry."""

Places = npt.NDArray[np.int32]


class Slots:
    """Keys and vectors by slot.

    A slot given back is used again only after `rest` was called, so that no tail holds one twice. Reading vectors
    from a second thread is safe: those of free slots may change meanwhile, and their `births` tell.

    Attributes:
        births: By slot, the number of the tail in which its entry came; `NOBODY` for none. Replaced when it grows.
    """

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._slot_of: dict[str, int] = {}
        self._keys: list[str] = []
        self._blocks: list[Rows] = []
        self._free: list[int] = []
        self._resting: list[int] = []
        self.births: Places = np.zeros(BLOCK, np.int32)

    def __len__(self) -> int:
        return len(self._slot_of)

    def __contains__(self, key: str) -> bool:
        return key in self._slot_of

    @property
    def memory_bytes(self) -> int:
        """Memory of what was ever used of the arrays; keys are not in it."""
        return len(self._keys) * (2 * self._dimensions + self.births.itemsize)

    def key(self, slot: int) -> str:
        """Return the key of the entry there."""
        return self._keys[slot]

    def put(self, keys: Sequence[str], rows: Rows, birth: int) -> Places:
        """Keep entries, none of which is here yet; return their slots."""
        slots = [self._free.pop() if self._free else self._new() for _ in keys]
        for key, slot, row in zip(keys, slots, rows, strict=True):
            self._keys[slot] = key
            self._slot_of[key] = slot
            self._blocks[slot // BLOCK][slot % BLOCK] = row
        places = np.array(slots, np.int32)
        self.births[places] = birth
        return places

    def give_back(self, keys: Sequence[str]) -> Places:
        """Forget entries; return the births they had. Keys that are not here are ignored."""
        slots = [slot for slot in (self._slot_of.pop(key, None) for key in keys) if slot is not None]
        for slot in slots:
            self._keys[slot] = ""
        places = np.array(slots, np.int32)
        births = self.births[places]
        self.births[places] = NOBODY
        self._resting += slots
        return births

    def rest(self) -> None:
        """Let the slots that were given back be used again."""
        self._free += self._resting
        self._resting = []

    def rows(self, places: Places, width: int | None = None) -> Rows:
        """Return the vectors of some slots, or their beginnings of this width."""
        if len(self._blocks) == 1:
            return self._blocks[0][places, :width]
        rows = np.empty((len(places), width or self._dimensions), np.int16)
        blocks = places // BLOCK
        for number in np.flatnonzero(np.bincount(blocks)).tolist():
            here = blocks == number
            rows[here] = self._blocks[number][places[here] % BLOCK, :width]
        return rows

    def _new(self) -> int:
        slot = len(self._keys)
        self._keys.append("")
        if slot % BLOCK == 0:
            self._blocks.append(np.empty((BLOCK, self._dimensions), np.int16))
            if slot:
                self.births = np.concatenate([self.births, np.zeros(BLOCK, np.int32)])
        return slot
