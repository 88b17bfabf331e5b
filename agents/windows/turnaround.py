"""How long batches take: what was observed lately, and what was expected before anything was.

The probability that the next batch takes longer than some time is the predictive one of a Dirichlet process (T. S.
Ferguson, "A Bayesian Analysis of Some Nonparametric Problems", 1973): the mean of what was expected and what was
observed, weighted by the prior's weight and the number of observations. It assumes no shape of the distribution and
is as good with no observation as with many.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass

QUANTILE_DIGITS = 50
"""Halvings of the searched interval: a day in steps far below a microsecond."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected before anything was observed: half of what is left is back after each half-life.

    Attributes:
        half_life: Seconds.
        never: Share of batches that do not come back at all.
        weight: How many observations it is worth.
    """

    half_life: float
    never: float
    weight: float

    def tail(self, seconds: float) -> float:
        """Return the probability that a batch takes longer."""
        if seconds <= 0:
            return 1.0
        return self.never + (1.0 - self.never) * math.exp2(-seconds / self.half_life)


class Turnaround:
    """The times of the newest batches, and the probability that the next one takes longer than some time.

    Args:
        expected: Before anything was observed.
        kept: Newest batches remembered; what providers did weeks ago says little.
    """

    def __init__(self, expected: Expectation, kept: int) -> None:
        self._expected = expected
        self._kept = kept
        self._by_batch: dict[str, float] = {}
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._sorted)

    def __iter__(self) -> Iterator[float]:
        return iter(self._sorted)

    def observe(self, batch: str, seconds: float) -> None:
        """Take in what one batch took; infinite for one that was given up.

        All items of a batch come back together, so a batch counts once however many items it has: with the longest
        time that any of them took.
        """
        known = self._by_batch.get(batch)
        if known is not None and known >= seconds:
            return
        if known is not None:
            self._forget(batch)
        self._by_batch[batch] = seconds
        insort(self._sorted, seconds)
        if len(self._by_batch) > self._kept:
            self._forget(next(iter(self._by_batch)))

    def tail(self, seconds: float) -> float:
        """Return the probability that the next batch takes longer than this."""
        later = len(self._sorted) - bisect_right(self._sorted, seconds)
        weight = self._expected.weight
        return (weight * self._expected.tail(seconds) + later) / (weight + len(self._sorted))

    def quantile(self, late: float) -> float:
        """Return the least time that the next batch exceeds with at most this probability; infinite if there is none.

        Args:
            late: In (0, 1).
        """
        longest = next((seconds for seconds in reversed(self._sorted) if math.isfinite(seconds)), 0.0)
        high = max(1.0, self._expected.half_life, longest)
        while self.tail(high) > late:
            high *= 2.0
            if math.isinf(high):
                return math.inf
        low = 0.0
        for _ in range(QUANTILE_DIGITS):
            middle = (low + high) / 2.0
            if self.tail(middle) > late:
                low = middle
            else:
                high = middle
        return high

    def _forget(self, batch: str) -> None:
        self._sorted.pop(bisect_right(self._sorted, self._by_batch.pop(batch)) - 1)
