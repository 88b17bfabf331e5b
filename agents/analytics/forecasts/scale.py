"""The scale on which a series is forecast: as it is, its roots or its logarithms, where bigger values vary more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from agents.analytics.forecasts.methods.method import Floats, Method, Paths, Seasons

SHORTEST_BLOCK = 6
FEWEST_BLOCKS = 4
CLEARLY = 0.8


@dataclass(frozen=True, slots=True)
class Scale:
    """A power of the values; 0 stands for their logarithm."""

    power: float = 1.0

    def to(self, values: Floats) -> Floats:
        """Bring values to the scale."""
        if self.power == 1.0:
            return values
        return np.log(values) if self.power == 0.0 else np.asarray(values**self.power)

    def back(self, values: Floats) -> Floats:
        """Bring them back."""
        if self.power == 1.0:
            return values
        with np.errstate(over="ignore"):
            return np.exp(values) if self.power == 0.0 else np.asarray(np.maximum(values, 0.0) ** (1 / self.power))

    def of(self, method: Method) -> Method:
        """Return a method that works on the scale."""
        if self.power == 1.0:
            return method

        def fit(values: Floats, seasons: Seasons) -> Paths:
            inner = method.fit(self.to(values), seasons)

            def paths(values: Floats, origins: Sequence[int], horizon: int) -> Floats:
                return self.back(inner(self.to(values), origins, horizon))

            return paths

        return replace(method, name=f"{'log' if self.power == 0.0 else 'root'} {method.name}", fit=fit)


def fitting_scale(values: Floats, period: int) -> Scale:
    """Return the scale on which the values vary as much where they are big as where they are small.

    It is Guerrero's choice: among powers, that by which the spread within blocks goes most evenly with their level.
    """
    lowest = float(values.min())
    length = max(period, SHORTEST_BLOCK)
    count = len(values) // length
    if lowest < 0 or count < FEWEST_BLOCKS:
        return Scale()
    blocks = values[len(values) - count * length :].reshape(count, length)
    levels, spreads = blocks.mean(axis=1), blocks.std(axis=1)
    if np.any(levels <= 0) or not np.any(spreads > 0):
        return Scale()

    def unevenness(power: float) -> float:
        ratios = spreads / levels ** (1 - power)
        return float(ratios.std() / ratios.mean())

    powers = [1.0, 0.5, *([0.0] if lowest > 0 else [])]
    best = min(powers, key=unevenness)
    return Scale(best) if unevenness(best) < CLEARLY * unevenness(1.0) else Scale()
