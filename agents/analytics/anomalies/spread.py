"""How far off forecasts usually are, by how much they forecast."""

from __future__ import annotations

import math
from typing import Any, Self

KEPT = math.exp(-1 / 2_000)
"""The errors of the last 2,000 points or so count."""
CAP = 5.0
"""Usual errors that one error counts at most: an incident must not teach that incidents are usual."""
CAPPED_FROM = 100.0
LEAST_OF_MEAN = 0.1
LEAST_OF_FORECAST = 1e-3
TINY = 1e-9


class ErrorLine:
    """A straight line through the absolute errors by the size of the forecast, fitted with least squares that fade.

    Counts of requests vary with their square root, and demand in proportion: in both cases more where more is
    expected. A busy hour's error says little about a night, and a weekday's little about a Sunday.

    Args:
        sums: Of weights, sizes, squared sizes, errors, and sizes times errors.
    """

    __slots__ = ("sums",)

    def __init__(self, sums: list[float] | None = None) -> None:
        self.sums = sums if sums is not None else [0.0] * 5

    def at(self, forecast: float) -> float:
        """Return the usual error of such a forecast, more than 0."""
        weight, sizes, squares, errors, products = self.sums
        least = max(LEAST_OF_FORECAST * abs(forecast), TINY)
        if not weight:
            return least
        size, error = sizes / weight, errors / weight
        variance = squares / weight - size * size
        steepest = error / size if size > 0 else 0.0  # the line must not be below 0 where nothing is expected
        slope = (
            (products / weight - size * error) / variance if variance > LEAST_OF_FORECAST**2 * size * size else 0.0
        )
        slope = min(max(slope, 0.0), steepest)
        line = error + slope * (abs(forecast) - size)
        return max(line, LEAST_OF_MEAN * error, least)

    def add(self, forecast: float, error: float) -> None:
        """Take the error of a forecast into account."""
        if self.sums[0] > CAPPED_FROM:
            error = min(error, CAP * self.at(forecast))
        size = abs(forecast)
        new = (1.0, size, size * size, error, size * error)
        self.sums = [KEPT * old + each for old, each in zip(self.sums, new, strict=True)]

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {"sums": list(self.sums)}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Return what `state` was taken from."""
        return cls(list(state["sums"]))
