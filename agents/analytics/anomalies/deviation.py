"""The detector of usage: how far a series is off what level, day and week let expect.

It is for series whose incidents come again and must be found again. It differs from `SurpriseDetector`, for which
what has happened before is no news, in what it learns: an incident teaches neither what is usual nor how far off is
usual, until it has lasted so long that it is the new state of things.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from agents.analytics.anomalies.expectation import Expectation, Expected
from agents.analytics.anomalies.protocol import State
from agents.analytics.anomalies.rareness import MOST, bounded, score_of
from agents.analytics.anomalies.tail import Tail

IN_A_ROW = 3
AVERAGED = 6
MEASURES = 6
CLIP = 4.0
"""Usual errors that one point counts at most in a mean, and in what it teaches the expectation: one dear request is
not a dear quarter of an hour."""
WITHHELD = 5.0
"""Surprise from which a point does not teach how far off is usual."""
PATIENCE = 240
"""Points after which it does all the same."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A point against what was expected of it.

    Attributes:
        off: By how many usual errors the last points were off what was expected, oldest first.
        measures: See `_measures`.
        surprise: Length of the vector of their surprises, each a number of decimal places of rareness.
    """

    at: float
    value: float
    expected: Expected | None
    off: list[float]
    measures: tuple[float, ...]
    surprise: float


class DeviationDetector:
    """Asks how rare it has been that a series is so far off what is expected, upwards and downwards."""

    def __init__(self) -> None:
        self._expectation = Expectation()
        self._off: list[float] = []
        self._tails = [Tail() for _ in range(MEASURES)]
        self._strange = 0
        self._untouched = AVERAGED
        self._waiting: list[tuple[float, ...]] = []
        self._last: Deviation | None = None

    def judge(self, at: float, value: float) -> Deviation:
        """Return a point against what was expected of it. Changes nothing that matters."""
        last = self._last
        if last is not None and last.at == at and last.value == value:
            return last
        expected = self._expectation.expected(at)
        off, squares = self._off, 0.0
        measures: tuple[float, ...] = ()
        if expected is not None:
            off = [*off[1 - AVERAGED :], (bounded(value) - expected.mean) / expected.spread]
            measures = _measures(off)
            for measure, tail in zip(measures, self._tails, strict=True):
                squares += min(tail.surprise(measure), MOST) ** 2
        self._last = Deviation(at, value, expected, off, measures, math.sqrt(squares))
        return self._last

    def score_one(self, at: float, value: float) -> float:
        """Return how strange a point would be now, from 0 to 1. Changes nothing."""
        return score_of(self.judge(at, value).surprise)

    def learn_one(self, at: float, value: float) -> None:
        """Take a point into account."""
        judged = self.judge(at, value)
        self._teach(judged)
        taught = bounded(value)
        if judged.expected is not None:
            reach = CLIP * judged.expected.spread
            taught = min(max(taught, judged.expected.mean - reach), judged.expected.mean + reach)
        self._expectation.add(at, taught)
        self._off = judged.off
        self._last = None

    def _teach(self, judged: Deviation) -> None:
        """Let the tails learn, but from no strange point and none around it, which an incident touches too."""
        if judged.surprise >= WITHHELD and self._strange < PATIENCE:
            self._strange += 1
            self._waiting, self._untouched = [], 0
            return
        if judged.surprise < WITHHELD:
            self._strange = 0
        self._untouched = min(self._untouched + 1, AVERAGED + 1)
        if self._untouched > AVERAGED and judged.measures:
            self._waiting.append(judged.measures)
        if len(self._waiting) > AVERAGED:
            for measure, tail in zip(self._waiting.pop(0), self._tails, strict=True):
                tail.add(measure)

    def state(self) -> State:
        """Return everything that is needed to go on elsewhere."""
        return {
            "expectation": self._expectation.state(),
            "off": list(self._off),
            "tails": [tail.state() for tail in self._tails],
            "strange": self._strange,
            "untouched": self._untouched,
            "waiting": [list(measures) for measures in self._waiting],
        }

    @classmethod
    def restored(cls, state: State) -> Self:
        """Return the detector that `state` was taken from."""
        detector = cls()
        detector._expectation = Expectation.restored(state["expectation"])
        detector._off = list(state["off"])
        detector._tails = [Tail.restored(tail) for tail in state["tails"]]
        detector._strange, detector._untouched = state["strange"], state["untouched"]
        detector._waiting = [tuple(measures) for measures in state["waiting"]]
        return detector


def _measures(off: list[float]) -> tuple[float, ...]:
    """Return how far a series is off upwards and how far downwards, each in three ways.

    The last point, for what is glaring at once; the least deviation of some in a row, which lone outliers never reach
    however far out they are; and a mean of more, for what is small but stays.
    """
    row = off[-IN_A_ROW:]
    mean = math.fsum(min(max(each, -CLIP), CLIP) for each in off) / len(off)
    return off[-1], -off[-1], min(row), -max(row), mean, -mean
