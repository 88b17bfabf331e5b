"""How the attempts at one model ended, counted for whoever looks. Pure: times come in."""

from __future__ import annotations

from bisect import bisect_left

from streams.metrics.catalogue import CALL_SECONDS

ANSWERED = "answered"
CUT = "cut"
"""Of an attempt that was cut or met a bug: its end says nothing of the provider."""


class Ends:
    """Totals since the worker started.

    Attributes:
        answered: Attempts that brought an answer.
        durations: Of those, one count per bucket of `CALL_SECONDS`.
        seconds: How long those took together.
        others: The others, by the code of what went wrong, or `cut`.
    """

    __slots__ = ("answered", "durations", "others", "seconds")

    def __init__(self) -> None:
        self.answered = 0
        self.durations = [0] * (len(CALL_SECONDS) + 1)
        self.seconds = 0.0
        self.others: dict[str, int] = {}

    def answer(self, seconds: float) -> None:
        """Count an attempt that brought an answer after so long."""
        self.answered += 1
        self.durations[bisect_left(CALL_SECONDS, seconds)] += 1
        if seconds > 0:  # not where the clock went back
            self.seconds += seconds

    def fail(self, code: str) -> None:
        """Count an attempt that ended otherwise."""
        self.others[code] = self.others.get(code, 0) + 1

    def outcomes(self) -> dict[str, int]:
        """Return how many ended in which way."""
        return {ANSWERED: self.answered, **self.others}
