"""The detector: how many measures of a series are in their tails at once, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from agents.analytics.anomalies.protocol import State
from agents.analytics.anomalies.recent import Recent
from agents.analytics.anomalies.season import Season
from agents.analytics.anomalies.tail import Tail

MOST = 6.0
"""What one measure can add: it alone must not outvote all others."""
HALF = 10.0
"""Sum of surprises that scores one half."""
SEASONAL_LEVEL = "level 6"


@dataclass(frozen=True, slots=True)
class Judged:
    """A point in the light of those before it."""

    at: float
    value: float
    recent: Recent
    measures: dict[str, float]
    surprise: float


class SurpriseDetector:
    """Measures a series in several ways and asks of each, upwards and downwards, how rare it has been so far.

    Every surprise is a number of decimal places of rareness, so those of different measures and of different series
    can be compared; their sum is what Fisher's method combines p-values by. The measures are not independent, which
    does no harm to a score that is compared to a threshold.
    """

    def __init__(self) -> None:
        self._recent = Recent()
        self._season = Season()
        self._above: dict[str, Tail] = {}
        self._below: dict[str, Tail] = {}
        self._last: Judged | None = None

    def score_one(self, at: float, value: float) -> float:
        """Return how strange a point would be now, from 0 to 1. Changes nothing."""
        surprise = self._judged(at, value).surprise
        return surprise / (surprise + HALF)

    def learn_one(self, at: float, value: float) -> None:
        """Take a point into account."""
        judged = self._judged(at, value)
        self._recent = judged.recent
        self._season.add(at, value)
        for name, number in judged.measures.items():
            self._above.setdefault(name, Tail()).add(number)
            self._below.setdefault(name, Tail()).add(-number)
        self._last = None

    def state(self) -> State:
        """Return everything that is needed to go on elsewhere."""
        return {
            "recent": self._recent.state(),
            "season": self._season.state(),
            "above": {name: tail.state() for name, tail in self._above.items()},
            "below": {name: tail.state() for name, tail in self._below.items()},
        }

    @classmethod
    def restored(cls, state: State) -> Self:
        """Return the detector that `state` was taken from."""
        detector = cls()
        detector._recent = Recent.restored(state["recent"])
        detector._season = Season.restored(state["season"])
        detector._above = _tails(state["above"])
        detector._below = _tails(state["below"])
        return detector

    def _judged(self, at: float, value: float) -> Judged:
        """Return the point judged, which learning it after scoring it does not do again."""
        if self._last is not None and self._last.at == at and self._last.value == value:
            return self._last
        recent = self._recent.followed_by(value)
        measures = recent.measures()
        expected = self._season.expected(at)
        if expected is not None:
            measures["season"] = measures[SEASONAL_LEVEL] - expected
        surprise = sum(self._surprise(name, number) for name, number in measures.items())
        self._last = Judged(at, value, recent, measures, surprise)
        return self._last

    def _surprise(self, name: str, number: float) -> float:
        if name not in self._above:
            return 0.0
        above, below = self._above[name].surprise(number), self._below[name].surprise(-number)
        return min(above, MOST) + min(below, MOST)


def _tails(states: dict[str, Any]) -> dict[str, Tail]:
    return {name: Tail.restored(state) for name, state in states.items()}
