"""Which calls are under way, and from where on a successor must read to learn of them."""

from __future__ import annotations

import sys
from typing import NamedTuple

from streams.topics import COMPLETIONS, DISPATCH, RESULTS
from streams.transport.offsets import Marks

_Place = tuple[int, int, int, int]
"""Partition and offset of a call, and where results and completions ended; plain, for the collector's sake."""


class Positions(NamedTuple):
    """Where results and completions of a partition ended, as far as known, when a call was dispatched."""

    results: int
    completions: int


class OpenCalls:
    """Dispatched requests without a durable result, by where their calls lie in the dispatch topic.

    A successor must read the dispatch topic from the oldest of them on to know what is under way, and the results
    from the position at which the oldest was dispatched to know which of the others have ended since. Steps have no
    results: their completions tell of them, and they stay open until their request is durable behind them.
    """

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._steps: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def open(self, key: str, partition: int, offset: int, positions: Positions) -> None:
        """Note a call that is durable at this place, and how far the partition was at that time."""
        self._places[key] = (partition, offset, *positions)

    def open_step(self, key: str, request_key: str, partition: int, offset: int, positions: Positions) -> None:
        """Note the call of a request's step."""
        self.open(key, partition, offset, positions)
        self._steps.setdefault(request_key, []).append(key)

    def close(self, key: str) -> None:
        """Note that the request has its durable result."""
        self._places.pop(key, None)
        if self._steps:
            self.close_steps(key)

    def close_steps(self, request_key: str) -> None:
        """Note that a request is durable behind its steps."""
        for key in self._steps.pop(request_key, ()):
            self._places.pop(key, None)

    def move_back(self, marks: Marks, home: int) -> Marks:
        """Return the marks, moved back so far that a successor learns of every open call.

        Args:
            marks: Of a checkpoint of the requests.
            home: Partition of the requests, their results and completions.
        """
        oldest: dict[int, int] = {}
        results = completions = sys.maxsize
        for partition, offset, results_end, completions_end in self._places.values():  # thousands, at every commit
            if offset < oldest.get(partition, sys.maxsize):
                oldest[partition] = offset
            if results_end < results:
                results = results_end
            if completions_end < completions:
                completions = completions_end
        moved = dict(marks)
        for partition, offset in oldest.items():
            mark = (DISPATCH.name, partition)
            moved[mark] = min(moved.get(mark, 0), offset)
        if oldest:
            mark = (RESULTS.name, home)
            moved[mark] = min(moved.get(mark, 0), results)
            mark = (COMPLETIONS.name, home)
            moved[mark] = min(moved.get(mark, 0), completions)
        return moved
