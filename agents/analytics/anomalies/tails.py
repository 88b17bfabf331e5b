"""How rare several measures of a point are together, told by what has been usual of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

from agents.analytics.anomalies.protocol import State
from agents.analytics.anomalies.rareness import MOST
from agents.analytics.anomalies.tail import Tail

WITHHELD = 5.0
"""Surprise from which a point does not teach what is usual."""
PATIENCE = 240
"""Points after which it does all the same: what lasts so long is the new state of things."""
Carried = list[float]


class Tails:
    """The upper tails of several measures, which learn from no strange point and from none around one.

    Args:
        measures: How many there are.
        around: Points before and after a strange one that do not teach either: as many as one measure looks back on.
    """

    def __init__(self, measures: int, around: int) -> None:
        self._tails = [Tail() for _ in range(measures)]
        self._around = around
        self._strange = 0
        self._untouched = around
        self._waiting: list[tuple[list[float], Carried]] = []

    def surprise(self, measures: Sequence[float]) -> float:
        """Return the length of the vector of surprises, each a number of decimal places of rareness."""
        found = (min(tail.surprise(each), MOST) ** 2 for each, tail in zip(measures, self._tails, strict=True))
        return math.sqrt(sum(found))

    def teach(self, measures: Sequence[float], surprise: float, carried: Sequence[float] = ()) -> Carried | None:
        """Take a point into account, once it is known to be in no incident's neighbourhood.

        Args:
            measures: Of the point; none where nothing was expected of it yet.
            surprise: Theirs.
            carried: What else the point teaches its detector.

        Returns:
            What the point said that is learned now; None when none is.
        """
        if surprise >= WITHHELD and self._strange < PATIENCE:
            self._strange += 1
            self._waiting, self._untouched = [], 0
            return None
        if surprise < WITHHELD:
            self._strange = 0
        self._untouched = min(self._untouched + 1, self._around + 1)
        if self._untouched > self._around and measures:
            self._waiting.append((list(measures), list(carried)))
        if len(self._waiting) <= self._around:
            return None
        usual, taught = self._waiting.pop(0)
        for measure, tail in zip(usual, self._tails, strict=True):
            tail.add(measure)
        return taught

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "tails": [tail.state() for tail in self._tails],
            "around": self._around,
            "strange": self._strange,
            "untouched": self._untouched,
            "waiting": [[list(measures), list(carried)] for measures, carried in self._waiting],
        }

    @classmethod
    def restored(cls, state: State) -> Self:
        """Return what `state` was taken from."""
        found = cls(0, state["around"])
        found._tails = [Tail.restored(tail) for tail in state["tails"]]
        found._strange, found._untouched = state["strange"], state["untouched"]
        found._waiting = [(list(measures), list(carried)) for measures, carried in state["waiting"]]
        return found
