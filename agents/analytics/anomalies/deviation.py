"""The detector of usage: how far a series is off what level, day and week let expect.

It is for series whose incidents come again and must be found again. It differs from `SurpriseDetector`, for which
what has happened before is no news, in what it learns: an incident teaches neither what is usual nor how far off is
usual, until it has lasted so long that it is the new state of things.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from agents.analytics.anomalies.counts import Counts
from agents.analytics.anomalies.expectation import Expectation, Expected
from agents.analytics.anomalies.protocol import State
from agents.analytics.anomalies.rareness import bounded, score_of
from agents.analytics.anomalies.tails import Tails

IN_A_ROW = 3
AVERAGED = 6
MEASURES = 6
CLIP = 4.0
"""Usual errors that one point counts at most in a mean, and in what it teaches the expectation: one dear request is
not a dear quarter of an hour."""
MOST_EVENTS = 1e15
"""More are taken for so many, which floating point still counts."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A point against what was expected of it.

    Attributes:
        off: By how many usual errors the last points were off what was expected, oldest first.
        counted: The last counts with their forecasts, where events are counted.
        measures: See `_measures`.
        surprise: Length of the vector of their surprises, each a number of decimal places of rareness.
    """

    at: float
    value: float
    expected: Expected | None
    off: list[float]
    counted: list[tuple[float, float]]
    measures: tuple[float, ...]
    surprise: float


class DeviationDetector:
    """Asks how rare it has been that a series is so far off what is expected, upwards and downwards.

    Args:
        counts: Whether the series counts events, of which chance says how unlikely so few or so many are.
    """

    def __init__(self, *, counts: bool = False) -> None:
        self._expectation = Expectation()
        self._off: list[float] = []
        self._counts = Counts() if counts else None
        self._tails = Tails(MEASURES, AVERAGED)
        self._last: Deviation | None = None

    def judge(self, at: float, value: float) -> Deviation:
        """Return a point against what was expected of it. Changes nothing that matters."""
        last = self._last
        if last is not None and last.at == at and last.value == value:
            return last
        expected = self._expectation.expected(at)
        if expected is None:
            self._last = Deviation(at, value, None, self._off, [], (), 0.0)
            return self._last
        off = [*self._off[1 - AVERAGED :], (bounded(value) - expected.mean) / expected.spread]
        counted, measures = [], _measures(off)
        if self._counts is not None:
            counted = self._counts.with_one(min(max(value, 0.0), MOST_EVENTS), expected.mean)
            measures = (*measures[:-2], *self._counts.rareness(counted))
        self._last = Deviation(at, value, expected, off, counted, measures, self._tails.surprise(measures))
        return self._last

    def score_one(self, at: float, value: float) -> float:
        """Return how strange a point would be now, from 0 to 1. Changes nothing."""
        return score_of(self.judge(at, value).surprise)

    def learn_one(self, at: float, value: float) -> None:
        """Take a point into account."""
        judged = self.judge(at, value)
        counts = self._counts
        lesson = counts.lesson(judged.counted) if counts is not None and judged.counted else ()
        learned = self._tails.teach(judged.measures, judged.surprise, lesson)
        if counts is not None:
            counts.last = judged.counted
            if learned:
                counts.learn(*learned)
        taught = bounded(value)
        if judged.expected is not None:
            reach = CLIP * judged.expected.spread
            taught = min(max(taught, judged.expected.mean - reach), judged.expected.mean + reach)
        self._expectation.add(at, taught)
        self._off = judged.off
        self._last = None

    def state(self) -> State:
        """Return everything that is needed to go on elsewhere."""
        return {
            "expectation": self._expectation.state(),
            "off": list(self._off),
            "counts": None if self._counts is None else self._counts.state(),
            "tails": self._tails.state(),
        }

    @classmethod
    def restored(cls, state: State) -> Self:
        """Return the detector that `state` was taken from."""
        detector = cls()
        detector._expectation = Expectation.restored(state["expectation"])
        detector._off = list(state["off"])
        detector._counts = None if state["counts"] is None else Counts.restored(state["counts"])
        detector._tails = Tails.restored(state["tails"])
        return detector


def _measures(off: list[float]) -> tuple[float, ...]:
    """Return how far a series is off upwards and how far downwards, each in three ways.

    The last point, for what is glaring at once; the least deviation of some in a row, which lone outliers never reach
    however far out they are; and a mean of more, for what is small but stays.
    """
    row = off[-IN_A_ROW:]
    mean = math.fsum(min(max(each, -CLIP), CLIP) for each in off) / len(off)
    return off[-1], -off[-1], min(row), -max(row), mean, -mean
