"""From scores to episodes: one anomaly from when it is sure to when it is over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from agents.analytics.anomalies.expectation import Expected

OPENS = 0.72
"""Score from which a point may open an episode."""
CONFIRMED = 2
AMONG = 3
"""An episode opens when this many of the last points are strange enough: a lone dear request is none."""
LASTS = 0.58
"""Score from which a point keeps an episode open."""
QUIET = 10
"""Points below it after which the episode is over."""
SPREADS = 4.0
"""Usual errors that the expected range extends on both sides: about three standard deviations."""


@dataclass(frozen=True, slots=True)
class Episode:
    """An anomaly of one series.

    Attributes:
        start: When its first strange point was.
        end: When its last one was so far, or at all if it is `over`.
        severity: The highest score, from 0 to 1.
        value: What was measured where the score was highest.
        low: What was expected there at least.
        high: What was expected there at most.
        over: Whether it has ended.
    """

    start: float
    end: float
    severity: float
    value: float
    low: float
    high: float
    over: bool = False


@dataclass(frozen=True, slots=True)
class Strange:
    """A point that may belong to an episode."""

    at: float
    value: float
    score: float
    low: float
    high: float


class Episodes:
    """Folds the scored points of one series into episodes.

    Args:
        before: The last points, as far as they may open an episode, oldest first; None for one that may not.
        open_one: The episode that goes on.
        quiet: Points since its last strange one.
    """

    __slots__ = ("_before", "_open", "_quiet")

    def __init__(
        self, before: list[Strange | None] | None = None, open_one: Episode | None = None, quiet: int = 0
    ) -> None:
        self._before = before if before is not None else []
        self._open = open_one
        self._quiet = quiet

    def add(self, at: float, value: float, score: float, expected: Expected | None) -> Episode | None:
        """Take a point into account, in the order of time.

        Returns:
            The episode that it opens or, `over`, that it ends; None for all that goes on, whether usual or not.
        """
        reach = SPREADS * expected.spread if expected is not None else 0.0
        mean = expected.mean if expected is not None else value
        point = Strange(at, value, score, mean - reach, mean + reach)
        if self._open is not None:
            return self._go_on(self._open, point)
        self._before = [*self._before[1 - AMONG :], point if score >= OPENS else None]
        strange = [each for each in self._before if each is not None]
        if len(strange) < CONFIRMED:
            return None
        worst = max(strange, key=lambda each: each.score)
        self._open = Episode(strange[0].at, at, worst.score, worst.value, worst.low, worst.high)
        self._before, self._quiet = [], 0
        return self._open

    def _go_on(self, now: Episode, point: Strange) -> Episode | None:
        if point.score >= LASTS:
            worst = max(
                Strange(now.end, now.value, now.severity, now.low, now.high), point, key=lambda each: each.score
            )
            self._open = Episode(now.start, point.at, worst.score, worst.value, worst.low, worst.high)
            self._quiet = 0
            return None
        self._quiet += 1
        if self._quiet < QUIET:
            return None
        self._open = None
        return Episode(now.start, now.end, now.severity, now.value, now.low, now.high, over=True)

    @property
    def going_on(self) -> Episode | None:
        """The episode that is open, as it is so far."""
        return self._open

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "before": [None if each is None else asdict(each) for each in self._before],
            "open": None if self._open is None else asdict(self._open),
            "quiet": self._quiet,
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Return the fold that `state` was taken from."""
        before = [None if each is None else Strange(**each) for each in state["before"]]
        return cls(before, None if state["open"] is None else Episode(**state["open"]), state["quiet"])
