"""One tenant's part of the cache: which of its answers is worth the least for its bytes.

The order is that of GreedyDual-Size-Frequency (Cherkasova, "Improving WWW proxies performance with
greedy-dual-size-frequency caching policy", HP Labs 98-69, 1998): an answer's rank is the dollars that its uses save
per byte it takes, on top of a level that rises to the rank of whatever was evicted last. So what was used often long
ago sinks relative to what comes now, which is the decay of its frequency.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Protocol

STALE_RANKS = 2
"""The ranks are sorted anew when there are so many times as many as answers."""
FEW_RANKS = 64
"""They never are below this number."""


class Ranked(Protocol):
    """What a portion orders."""

    size: int
    worth: float
    uses: int
    rank: float
    turn: int


class Portion:
    """The answers of one tenant, by what they are worth for their bytes.

    A rank only ever rises, so the order need not hear of every use: an answer that has risen is put back in its place
    when its turn to go would have come.

    Attributes:
        entries: Number of answers.
        used_bytes: Of all of them.
    """

    __slots__ = ("_level", "_ranks", "_turn", "entries", "used_bytes")

    def __init__(self) -> None:
        self.entries = 0
        self.used_bytes = 0
        self._level = 0.0
        self._turn = 0
        self._ranks: list[tuple[float, int, str]] = []

    def add(self, name: str, entry: Ranked, known: Mapping[str, Ranked]) -> None:
        """Take in an answer.

        Args:
            name: Of the answer.
            entry: The answer.
            known: All answers by name, of other tenants too.
        """
        self.entries += 1
        self.used_bytes += entry.size
        self._turn += 1
        entry.turn = self._turn
        self.use(entry)
        if len(self._ranks) > max(FEW_RANKS, STALE_RANKS * self.entries):
            self._ranks = [kept for kept in self._ranks if _is(known.get(kept[2]), kept[1])]
            heapq.heapify(self._ranks)
        heapq.heappush(self._ranks, (entry.rank, entry.turn, name))

    def use(self, entry: Ranked) -> None:
        """Count a use."""
        entry.uses += 1
        entry.rank = self._level + entry.uses * entry.worth / entry.size

    def remove(self, entry: Ranked) -> None:
        """Give up an answer; its rank is forgotten when it comes up."""
        self.entries -= 1
        self.used_bytes -= entry.size

    def least(self, known: Mapping[str, Ranked]) -> str:
        """Return the answer that is worth the least for its bytes; there must be one.

        Args:
            known: All answers by name, of other tenants too.
        """
        ranks = self._ranks
        while True:
            rank, turn, name = ranks[0]
            entry = known.get(name)
            if entry is None or entry.turn != turn:  # gone, or replaced
                heapq.heappop(ranks)
            elif entry.rank > rank:
                heapq.heapreplace(ranks, (entry.rank, turn, name))
            else:
                self._level = rank
                return name


def _is(entry: Ranked | None, turn: int) -> bool:
    """Return whether an entry is the one that came in this turn, and not what took its name later."""
    return entry is not None and entry.turn == turn
