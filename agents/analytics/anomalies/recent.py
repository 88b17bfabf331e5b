"""What the last points of a series look like: levels, spreads and the step from one to the next."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

LEVELS = (6, 24, 96)
SPREADS = (12, 48)
MEDIAN_OF = 11
KEPT = max(LEVELS)
RELATIVE = 1e-6
"""Spreads below this part of the level are rounding."""
TINY = 1e-9

Floats = NDArray[np.float64]


def _weights(lengths: tuple[int, ...]) -> Floats:
    weights = np.zeros((len(lengths), KEPT))
    for row, length in enumerate(lengths):
        weights[row, KEPT - length :] = 1 / length
    return weights


WEIGHTS = _weights(LEVELS + SPREADS)
SPREAD_WEIGHTS = _weights(SPREADS)
LEVEL_NAMES = [f"level {length}" for length in LEVELS]
SPREAD_NAMES = [f"spread {length}" for length in SPREADS]


class Recent:
    """The last `KEPT` values of a series. Before there are as many, the first one stands for those that are missing.

    Args:
        values: Them, oldest first; None before the first.
    """

    __slots__ = ("values",)

    def __init__(self, values: Floats | None = None) -> None:
        self.values = values

    def followed_by(self, value: float) -> Recent:
        """Return the last values once `value` has come."""
        if self.values is None:
            return Recent(np.full(KEPT, value))
        values = np.empty(KEPT)
        values[:-1] = self.values[1:]
        values[-1] = value
        return Recent(values)

    def measures(self) -> dict[str, float]:
        """Return the level and the spread over several lengths, and how far the last value is off the median."""
        if self.values is None:
            return {}
        value = float(self.values[-1])
        centre = float(self.values.mean())
        off = self.values - centre
        means = (WEIGHTS @ off).tolist()
        squares = (SPREAD_WEIGHTS @ (off * off)).tolist()
        before = sorted(self.values[-1 - MEDIAN_OF : -1].tolist())
        found = {"value": value, "step": value - before[MEDIAN_OF // 2]}
        for name, mean in zip(LEVEL_NAMES, means, strict=False):
            found[name] = mean + centre
        for name, mean, square in zip(SPREAD_NAMES, means[len(LEVELS) :], squares, strict=True):
            floor = RELATIVE * abs(mean + centre) + TINY
            found[name] = math.log(math.sqrt(max(square - mean * mean, 0.0)) + floor)
        return found

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {"values": None if self.values is None else self.values.tolist()}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Return what `state` was taken from."""
        values = state["values"]
        return cls(None if values is None else np.array(values, dtype=np.float64))
