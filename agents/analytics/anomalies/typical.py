"""The detector of what is typical: how far the mean of the last minutes' logarithms is off the usual one.

What calls cost has a long tail: of ten dollars a minute one call may be nine. Their sum shows a model three times as
dear only where calls are many. The mean of their logarithms, the cost of the typical call, is no more unsure than
chance makes it: by its standard error, which shrinks as calls come.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Self

from agents.analytics.anomalies.expectation import Expected
from agents.analytics.anomalies.protocol import State
from agents.analytics.anomalies.rareness import score_of
from agents.analytics.anomalies.tails import Tails

TOGETHER = (2, 5)
"""Minutes that are looked at together: few for what is glaring, more where calls are rare."""
MEASURES = 2 * len(TOGETHER)
KEPT_MINUTES = 1_440.0
KEPT_CALLS = 20_000.0
"""The usual is that of the last day or so, or of the last 20,000 calls: whichever are fewer calls."""
FEWEST = 50
"""Calls that make a usual."""
LEAST_VARIANCE = 1e-4
"""Calls that all cost the same are still allowed to differ by a percent."""


class Logs(NamedTuple):
    """Natural logarithms of positive numbers, summed up.

    Attributes:
        number: How many.
        total: Their sum.
        squares: The sum of their squares.
    """

    number: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def plus(self, other: Logs) -> Logs:
        """Return both together."""
        return Logs(self.number + other.number, self.total + other.total, self.squares + other.squares)

    def faded(self, kept: float) -> Logs:
        """Return them with less weight."""
        return Logs(*(kept * each for each in self))

    def mean(self) -> float:
        """Return the mean; there must be some."""
        return self.total / self.number

    def variance(self) -> float:
        """Return the variance, at least what is allowed anyway."""
        return max(self.squares / self.number - self.mean() ** 2, LEAST_VARIANCE)


NONE = Logs()


@dataclass(frozen=True, slots=True)
class Typical:
    """The last minutes against what is usual.

    Attributes:
        value: The typical number of the last minutes; None where there was none.
        expected: What is usual, with the error that so few numbers have; None as long as nothing is.
        measures: By how many standard errors the mean is off, upwards and downwards, over each stretch.
        surprise: Length of the vector of their surprises, each a number of decimal places of rareness.
    """

    value: float | None
    expected: Expected | None
    measures: tuple[float, ...]
    surprise: float


class TypicalDetector:
    """Asks how rare it has been that the last minutes' mean is so far off the usual one."""

    def __init__(self) -> None:
        self._usual = NONE
        self._last: list[Logs] = []
        self._tails = Tails(MEASURES, TOGETHER[-1])
        self._judged: tuple[Logs, Typical] | None = None

    def judge(self, logs: Logs) -> Typical:
        """Return a minute with those before it against what is usual. Changes nothing that matters."""
        if self._judged is None or self._judged[0] != logs:
            self._judged = logs, self._fresh(logs)
        return self._judged[1]

    def _fresh(self, logs: Logs) -> Typical:
        last = self._with_one(logs)
        together = _sum(last)
        value = math.exp(together.mean()) if together.number else None
        if self._usual.number < FEWEST:
            return Typical(value, None, (), 0.0)
        mean, variance = self._usual.mean(), self._usual.variance()
        measures: list[float] = []
        for minutes in TOGETHER:
            stretch = _sum(last[-minutes:])
            off = (
                (stretch.total - stretch.number * mean) / math.sqrt(variance * stretch.number)
                if stretch.number
                else 0.0
            )
            measures += (off, -off)
        usual = math.exp(mean)
        spread = usual * math.sqrt(variance / max(together.number, 1.0))
        return Typical(value, Expected(usual, spread), tuple(measures), self._tails.surprise(measures))

    def score_one(self, logs: Logs) -> float:
        """Return how strange a minute would be now, from 0 to 1. Changes nothing."""
        return score_of(self.judge(logs).surprise)

    def learn_one(self, logs: Logs) -> None:
        """Take a minute into account."""
        judged = self.judge(logs)
        learned = self._tails.teach(judged.measures, judged.surprise, logs)
        if judged.expected is None:
            self._usual = self._usual.plus(logs)
        elif learned is not None:
            new = Logs(*learned)
            kept = math.exp(-max(1 / KEPT_MINUTES, new.number / KEPT_CALLS))
            self._usual = self._usual.faded(kept).plus(new)
        self._last = self._with_one(logs)
        self._judged = None

    def _with_one(self, logs: Logs) -> list[Logs]:
        return [*self._last[1 - TOGETHER[-1] :], logs]

    def state(self) -> State:
        """Return everything that is needed to go on elsewhere."""
        return {
            "usual": list(self._usual),
            "last": [list(each) for each in self._last],
            "tails": self._tails.state(),
        }

    @classmethod
    def restored(cls, state: State) -> Self:
        """Return the detector that `state` was taken from."""
        detector = cls()
        detector._usual = Logs(*state["usual"])
        detector._last = [Logs(*each) for each in state["last"]]
        detector._tails = Tails.restored(state["tails"])
        return detector


def _sum(logs: list[Logs]) -> Logs:
    total = NONE
    for each in logs:
        total = total.plus(each)
    return total
