"""How far off methods would have been: forecasts from many origins within what is known."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.analytics.forecasts.methods.method import Floats, Method, Paths, Seasons

MOST_ORIGINS = 40
HORIZONS = 4
CYCLES = 3
LEAST_SPAN = 100
WILD = 10.0
"""A method that leaves the known range by more than so many times its width is not believed."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What methods are tried on.

    Attributes:
        values: Without gaps.
        known: Where a value was given, rather than filled in.
        origins: Where forecasts start.
        horizon: How far they look.
        seasons: Of the values.
    """

    values: Floats
    known: NDArray[np.bool_]
    origins: tuple[int, ...]
    horizon: int
    seasons: Seasons

    @property
    def truth(self) -> Floats:
        """One row per origin; not a number where nothing is known."""
        padded = np.concatenate([np.where(self.known, self.values, np.nan), np.full(self.horizon, np.nan)])
        return np.stack([padded[origin : origin + self.horizon] for origin in self.origins])


@dataclass(frozen=True, slots=True)
class Trial:
    """What a method said from each origin."""

    method: Method
    paths: Floats


def origins_for(count: int, horizon: int, period: int) -> tuple[int, ...]:
    """Return where to forecast from: the later part of the values, as evenly as many origins allow, and their end."""
    span = min(count // 2, max(HORIZONS * horizon, CYCLES * period, LEAST_SPAN))
    learnt = 2 * period + 2
    if count - span < learnt:
        span = max(min(span, horizon, count // 3), count - learnt)
    first = max(1, count - span)
    stride = max(1, -(-span // MOST_ORIGINS))
    return (*range(first, count, stride), count)


def try_methods(methods: Sequence[Method], ground: Ground) -> list[Trial]:
    """Fit methods to what comes before the first origin, and forecast from all; those that fail are left out."""
    learnt = ground.values[: ground.origins[0]]
    low, high = float(ground.values.min()), float(ground.values.max())
    margin = WILD * (high - low) + 1e-9
    found = []
    for method in methods:
        paths = attempt(method, learnt, ground.values, ground.origins, ground.horizon, ground.seasons)
        if paths is not None and paths.min() >= low - margin and paths.max() <= high + margin:
            found.append(Trial(method, paths))
    return found


def attempt(
    method: Method, learnt: Floats, values: Floats, origins: Sequence[int], horizon: int, seasons: Seasons
) -> Floats | None:
    """Fit a method and forecast; None where it cannot be fitted or says nothing finite."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # statsmodels warns of starts and of convergence; the backtest is the judge
        try:
            fitted: Paths = method.fit(learnt, seasons)
            paths: Any = fitted(values, origins, horizon)
        except (ArithmeticError, LookupError, RuntimeError, ValueError):
            return None
    return np.asarray(paths, float) if np.all(np.isfinite(paths)) else None


def mean_error(paths: Floats, truth: Floats) -> float:
    """Return the mean absolute error over all that is known; infinite where nothing is."""
    off = np.abs(paths - truth)
    return float(np.nanmean(off)) if np.any(~np.isnan(off)) else float("inf")


def naive_error(values: Floats, period: int) -> float:
    """Return the mean absolute error of the seasonal-naive one season ahead, by which errors are scaled."""
    return float(np.mean(np.abs(values[period:] - values[:-period]))) if len(values) > period else 0.0
