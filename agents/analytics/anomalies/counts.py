"""How unlikely so few or so many events are in some minutes, given how many were expected.

Chance alone makes counts vary as Poisson says; demand that is off its forecast makes them vary more. Both together
are a negative binomial count: a Poisson count whose mean is itself uncertain by a share that is learned. Of a busy
organization a minute tells much; of one with three requests a minute only several minutes together do, and there the
distribution is so lopsided that no number of standard deviations says how rare silence is.
"""

from __future__ import annotations

import math
from typing import Any, Self

from scipy.special import betainc

from agents.analytics.anomalies.protocol import State

TOGETHER = 5
"""Minutes that are counted together."""
KEPT = math.exp(-1 / 2_000)
"""How uncertain the mean is, is learned from the last 2,000 points or so."""
SQUARED_ERROR = 0.02
"""Squared share by which forecasts are off, until it is learned: some 14 percent."""
LEAST_SQUARED_ERROR = 1e-3
TELLING = 5.0
"""Expected events from which a count tells how uncertain the mean is, apart from chance."""
LEARNED_FROM = 50.0
LEAST_EXPECTED = 1e-3
LEAST_CHANCE = 1e-300


class Counts:
    """Counts of the last minutes against what was expected of them.

    Args:
        last: The last counts with their forecasts, oldest first.
        sums: Of squared shares by which counts were off beyond chance, and of the weight of those.
    """

    __slots__ = ("last", "sums")

    def __init__(self, last: list[tuple[float, float]] | None = None, sums: tuple[float, float] = (0.0, 0.0)) -> None:
        self.last = last if last is not None else []
        self.sums = sums

    def with_one(self, count: float, expected: float) -> list[tuple[float, float]]:
        """Return the last counts with one more. Changes nothing."""
        return [*self.last[1 - TOGETHER :], (count, max(expected, LEAST_EXPECTED))]

    def rareness(self, last: list[tuple[float, float]]) -> tuple[float, float]:
        """Return how rare so many events, and so few, would be: minus the common logarithm of the chance of each."""
        count, expected = (math.fsum(each) for each in zip(*last, strict=True))
        shape = 1 / self._squared_error()
        share = shape / (shape + expected)
        few = betainc(shape, count + 1, share)
        many = betainc(count, shape, 1 - share) if count > 0 else 1.0
        return _places(many), _places(few)

    def lesson(self, last: list[tuple[float, float]]) -> tuple[float, float]:
        """Return what counts teach about how far off forecasts are: a squared error beyond chance, and its weight."""
        count, expected = (math.fsum(each) for each in zip(*last, strict=True))
        if expected < TELLING:
            return 0.0, 0.0
        return min((count - expected) ** 2 - expected, expected**2), expected**2

    def learn(self, squared: float, weight: float) -> None:
        """Take a lesson into account."""
        self.sums = KEPT * self.sums[0] + squared, KEPT * self.sums[1] + weight

    def _squared_error(self) -> float:
        squared, weight = self.sums
        return max(squared / weight, LEAST_SQUARED_ERROR) if weight > LEARNED_FROM else SQUARED_ERROR

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {"last": [list(each) for each in self.last], "sums": list(self.sums)}

    @classmethod
    def restored(cls, state: State) -> Self:
        """Return what `state` was taken from."""
        squared, weight = state["sums"]
        return cls([(count, expected) for count, expected in state["last"]], (squared, weight))


def _places(chance: float) -> float:
    return -math.log10(max(float(chance), LEAST_CHANCE))
