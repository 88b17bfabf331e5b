"""How far out in its own history a number lies, from the largest of the numbers before it.

Source of the idea: Siffer et al., "Anomaly Detection in Streams with Extreme Value Theory" (2017). Theirs fits a
generalized Pareto distribution to what exceeds a high quantile; here the excess is exponential, which needs a mean
only and has no shape to fit wrongly. Ranks alone, as in conformal detectors, could never say less than one in the
number of points seen, and so could not tell a point just beyond the largest from one far beyond it.
"""

from __future__ import annotations

import math
from bisect import insort
from typing import Any, Self

KEPT = 48
"""Largest numbers that are kept. With fewer the mean excess is noise, with more it is no tail."""
HORIZON = 20_000
"""Numbers after which one is forgotten: two weeks of one a minute."""
FEWEST = 20
FEWEST_OF_TAIL = 5
SHARE = 10
"""The tail is at most one in this many."""
LEAST = 1e-3
"""Least mean excess, in parts of the number where the tail starts: a constant is no measure of a deviation."""
ROUNDING = TINY = 1e-9
"""What is no further out than this, in parts of where the tail starts or at all, is no further out."""
SWEEP = 50
LOG_10 = math.log(10)


class Tail:
    """The upper tail of a stream of numbers.

    Args:
        seen: How many numbers there have been.
        largest: The largest of the last `HORIZON`, rising, each with its place in the stream.
    """

    __slots__ = ("largest", "seen")

    def __init__(self, seen: int = 0, largest: list[tuple[float, int]] | None = None) -> None:
        self.seen = seen
        self.largest = largest if largest is not None else []

    def surprise(self, number: float) -> float:
        """Return the common logarithm of how rare numbers as large as this are; 0 for what is in no tail."""
        largest = self.largest
        if len(largest) == KEPT and number <= largest[0][0]:
            return 0.0  # as nearly all numbers are
        seen = min(self.seen, HORIZON)
        size = min(KEPT, max(FEWEST_OF_TAIL, seen // SHARE))
        if seen < FEWEST or len(largest) < size:
            return 0.0
        start = largest[-size][0]
        if number - start <= ROUNDING * abs(start) + TINY:
            return 0.0
        excess = sum(each for each, _ in largest[-size:]) / size - start
        return math.log10(seen / size) + (number - start) / max(excess, LEAST * abs(start), TINY) / LOG_10

    def add(self, number: float) -> None:
        """Take a number into account."""
        self.seen += 1
        if len(self.largest) < KEPT:
            insort(self.largest, (number, self.seen))
        elif number > self.largest[0][0]:
            insort(self.largest, (number, self.seen))
            del self.largest[0]
        if self.seen % SWEEP == 0:
            self.largest = [each for each in self.largest if each[1] > self.seen - HORIZON]

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {"seen": self.seen, "largest": [list(each) for each in self.largest]}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Return the tail that `state` was taken from."""
        return cls(state["seen"], [(number, place) for number, place in state["largest"]])
