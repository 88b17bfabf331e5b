"""Methods that need no fit: what everything else is measured against, and what short series get."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.analytics.forecasts.methods.method import Floats, Method, Paths, Seasons, windows

HANDICAP = 1.2
"""Of what takes no notice of trends, or of all noise."""


def _naive(_: Floats, seasons: Seasons) -> Paths:
    return lambda values, origins, horizon: np.tile(values[np.asarray(origins) - 1, None], horizon)


def _drift(_: Floats, seasons: Seasons) -> Paths:
    def paths(values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        ends = np.asarray(origins)
        slopes = (values[ends - 1] - values[0]) / np.maximum(ends - 1, 1)
        return np.asarray(values[ends - 1, None] + slopes[:, None] * np.arange(1, horizon + 1))

    return paths


def _mean(_: Floats, seasons: Seasons) -> Paths:
    def paths(values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        means = np.cumsum(values)[np.asarray(origins) - 1] / np.asarray(origins)
        return np.tile(means[:, None], horizon)

    return paths


def seasonal_naive(period: int) -> Method:
    """Return the method by which every season is as the one before."""
    return seasonal_mean(period, 1)


def seasonal_mean(period: int, cycles: int) -> Method:
    """Return the method by which every season is as the last few were on average, as far as there are so many."""

    def fit(_: Floats, seasons: Seasons) -> Paths:
        def paths(values: Floats, origins: Sequence[int], horizon: int) -> Floats:
            count = min(cycles, min(origins) // period)
            last = windows(values, origins, count * period).reshape(len(origins), count, period).mean(axis=1)
            return np.asarray(last[:, np.arange(horizon) % period])

        return paths

    name = f"seasonal_naive({period})" if cycles == 1 else f"seasonal_mean({period}x{cycles})"
    return Method(name, fit, needs=period, handicap=HANDICAP if cycles == 1 else 1.0)


NAIVE = Method("naive", _naive, needs=1, handicap=HANDICAP)
DRIFT = Method("drift", _drift)
MEAN = Method("mean", _mean, needs=1, handicap=HANDICAP)
