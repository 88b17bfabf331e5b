"""The detector: which measures of a series are in the tails of their own history, and how far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

from agents.analytics.anomalies.expectation import Expectation, Expected
from agents.analytics.anomalies.protocol import State
from agents.analytics.anomalies.rareness import MOST, bounded, score_of
from agents.analytics.anomalies.recent import Recent
from agents.analytics.anomalies.tail import Tail

OFF_MEANS = (6, 24)
"""Points over which deviations from what was expected are averaged."""
OFF_KEPT = max(OFF_MEANS)


@dataclass(frozen=True, slots=True)
class Judged:
    """A point in the light of those before it.

    Attributes:
        expected: What was expected of it; None at the beginning of a series.
        off: By how many usual errors the last points were off what was expected, oldest first.
        surprise: Length of the vector of surprises, each a number of decimal places of rareness.
    """

    at: float
    value: float
    expected: Expected | None
    recent: Recent
    off: list[float]
    measures: dict[str, float]
    surprise: float


class SurpriseDetector:
    """Measures a series in several ways and asks of each, upwards and downwards, how rare it has been so far.

    The measures are the value, its step from the median of the last ones, levels and spreads over several lengths,
    and how far the series is off what level, day and week let expect. Each surprise is a number of decimal places of
    rareness, so that those of different measures and of different series can be compared. The score rises with the
    length of the vector of them: the sum, by which Fisher's method combines p-values, lets many small surprises
    outvote a large one, and the largest alone forgets that several measures agree.
    """

    def __init__(self) -> None:
        self._recent = Recent()
        self._expectation = Expectation()
        self._off: list[float] = []
        self._above: dict[str, Tail] = {}
        self._below: dict[str, Tail] = {}
        self._last: Judged | None = None

    def judge(self, at: float, value: float) -> Judged:
        """Return a point in the light of those before it. Changes nothing that matters."""
        last = self._last
        if last is not None and last.at == at and last.value == value:
            return last  # learning follows scoring: the work is done once
        number = bounded(value)
        recent = self._recent.followed_by(number)
        measures = recent.measures()
        expected = self._expectation.expected(at)
        off = self._off
        if expected is not None:
            off = [*off[1 - OFF_KEPT :], (number - expected.mean) / expected.spread]
            for length in OFF_MEANS:
                last_ones = off[-length:]
                measures[f"off {length}"] = sum(last_ones) / len(last_ones)
        self._last = Judged(at, value, expected, recent, off, measures, self._surprise(measures))
        return self._last

    def score_one(self, at: float, value: float) -> float:
        """Return how strange a point would be now, from 0 to 1. Changes nothing."""
        return score_of(self.judge(at, value).surprise)

    def learn_one(self, at: float, value: float) -> None:
        """Take a point into account."""
        judged = self.judge(at, value)
        self._recent, self._off = judged.recent, judged.off
        self._expectation.add(at, bounded(value))
        for name, number in judged.measures.items():
            if name not in self._above:
                self._above[name], self._below[name] = Tail(), Tail()
            self._above[name].add(number)
            self._below[name].add(-number)
        self._last = None

    def _surprise(self, measures: dict[str, float]) -> float:
        squares = 0.0
        for name, number in measures.items():
            if name not in self._above:
                continue
            for tail, signed in ((self._above[name], number), (self._below[name], -number)):
                surprise = tail.surprise(signed)
                if surprise:
                    squares += min(surprise, MOST) ** 2
        return math.sqrt(squares)

    def state(self) -> State:
        """Return everything that is needed to go on elsewhere."""
        return {
            "recent": self._recent.state(),
            "expectation": self._expectation.state(),
            "off": list(self._off),
            "above": {name: tail.state() for name, tail in self._above.items()},
            "below": {name: tail.state() for name, tail in self._below.items()},
        }

    @classmethod
    def restored(cls, state: State) -> Self:
        """Return the detector that `state` was taken from."""
        detector = cls()
        detector._recent = Recent.restored(state["recent"])
        detector._expectation = Expectation.restored(state["expectation"])
        detector._off = list(state["off"])
        detector._above = _tails(state["above"])
        detector._below = _tails(state["below"])
        return detector


def _tails(states: dict[str, Any]) -> dict[str, Tail]:
    return {name: Tail.restored(state) for name, state in states.items()}
