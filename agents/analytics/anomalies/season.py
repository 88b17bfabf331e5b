"""What a series usually is at this time of the day."""

from __future__ import annotations

from statistics import median
from typing import Any, Self

DAY = 86_400
SLOTS = 48
SLOT = DAY // SLOTS
DAYS = 14
FEWEST_DAYS = 2


class Season:
    """The mean of a series in each half hour of the last days.

    Args:
        days: The means of each half hour of the day, oldest first.
        current: Which half hour the last point was in, counted from 1970; None before the first point.
        total: Sum of what has come in it.
        count: How much.
    """

    __slots__ = ("count", "current", "days", "total")

    def __init__(
        self,
        days: list[list[float]] | None = None,
        current: int | None = None,
        total: float = 0.0,
        count: int = 0,
    ) -> None:
        self.days = days if days is not None else [[] for _ in range(SLOTS)]
        self.current = current
        self.total = total
        self.count = count

    def expected(self, at: float) -> float | None:
        """Return the median of the days before, or None if there are too few of them."""
        days = self.days[int(at // SLOT) % SLOTS]
        return median(days) if len(days) >= FEWEST_DAYS else None

    def add(self, at: float, value: float) -> None:
        """Take a point into account."""
        slot = int(at // SLOT)
        if slot != self.current:
            if self.current is not None:
                days = self.days[self.current % SLOTS]
                days.append(self.total / self.count)
                del days[:-DAYS]
            self.current, self.total, self.count = slot, 0.0, 0
        self.total += value
        self.count += 1

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "days": [list(days) for days in self.days],
            "current": self.current,
            "total": self.total,
            "count": self.count,
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Return what `state` was taken from."""
        return cls([list(days) for days in state["days"]], state["current"], state["total"], state["count"])
