"""What a series usually is at a time of the day or of the week."""

from __future__ import annotations

from statistics import median
from typing import Any, Self

SLOT = 1_800
"""Seconds: long enough to average chance out, short enough to follow the morning's rise."""


class Season:
    """The mean of a series in each half hour of the last periods.

    Args:
        slots: How many half hours a period has.
        kept: How many periods count.
        fewest: How many are needed to expect anything.
        means: Those of each half hour of the period, oldest first.
        current: Which half hour the last point was in, counted from 1970; None before the first point.
        total: Sum of what has come in it.
        count: How much.
    """

    __slots__ = ("_usual", "count", "current", "fewest", "kept", "means", "slots", "total")

    def __init__(
        self,
        slots: int,
        kept: int,
        fewest: int,
        means: dict[int, list[float]] | None = None,
        current: int | None = None,
        total: float = 0.0,
        count: int = 0,
    ) -> None:
        self.slots, self.kept, self.fewest = slots, kept, fewest
        self.means = means if means is not None else {}
        self.current = current
        self.total = total
        self.count = count
        self._usual = {slot: median(each) for slot, each in self.means.items() if len(each) >= fewest}

    def expected(self, at: float) -> float | None:
        """Return what to expect, on a line from the middle of a half hour to that of the next; None if unknown."""
        place = at / SLOT - 0.5
        first = int(place // 1)
        before, after = self._usual.get(first % self.slots), self._usual.get((first + 1) % self.slots)
        if before is None or after is None:
            return None
        return before + (after - before) * (place - first)

    def add(self, at: float, value: float) -> None:
        """Take a point into account."""
        slot = int(at // SLOT)
        if slot != self.current:
            if self.current is not None:
                self._keep(self.current % self.slots, self.total / self.count)
            self.current, self.total, self.count = slot, 0.0, 0
        self.total += value
        self.count += 1

    def _keep(self, slot: int, mean: float) -> None:
        means = self.means.setdefault(slot, [])
        means.append(mean)
        del means[: -self.kept]
        if len(means) >= self.fewest:
            self._usual[slot] = median(means)

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "slots": self.slots,
            "kept": self.kept,
            "fewest": self.fewest,
            "means": [[slot, list(means)] for slot, means in self.means.items()],
            "current": self.current,
            "total": self.total,
            "count": self.count,
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Return what `state` was taken from."""
        return cls(**{**state, "means": {slot: list(means) for slot, means in state["means"]}})
