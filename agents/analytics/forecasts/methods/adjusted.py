"""Methods without seasons on series with seasons: the seasons are taken out, and put back into what is forecast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.analytics.forecasts.methods.method import Floats, Method, Paths, Seasons

CYCLES = 10
"""Seasons are those of the last so many cycles: older ones say less."""


def adjusted(method: Method) -> Method:
    """Return a method for what is left when seasons are taken out."""

    def fit(values: Floats, seasons: Seasons) -> Paths:
        profile = season_profile(values, seasons.all)
        length = len(profile)
        inner = method.fit(values - np.resize(profile, len(values)), Seasons(1, ()))

        def paths(values: Floats, origins: Sequence[int], horizon: int) -> Floats:
            rows = inner(values - np.resize(profile, len(values)), origins, horizon)
            return rows + profile[(np.asarray(origins)[:, None] + np.arange(horizon)) % length]

        return paths

    return Method(f"adjusted {method.name}", fit, needs=method.needs)


def season_profile(values: Floats, periods: Sequence[int]) -> Floats:
    """Return what the seasons add at each phase, from the first value on, around zero.

    Each length is taken from what the shorter ones leave, and shrunk by how much of it may be noise.
    """
    length = int(np.lcm.reduce(periods)) if periods else 1
    profile = np.zeros(length)
    rest = values - trend(values, max(periods, default=1))
    for period in periods:
        begin = max(0, len(values) - CYCLES * period)
        phases = (np.arange(begin, len(values))) % period
        counts = np.maximum(np.bincount(phases, minlength=period), 1)
        means = np.bincount(phases, rest[begin:], minlength=period) / counts
        means -= means.mean()
        left = rest[begin:] - means[phases]
        noise = float(left @ left) / max(1, len(left) - period) / float(counts.mean())
        share = max(0.0, 1 - noise / max(float(means @ means) / max(1, period - 1), 1e-300))
        rest = rest - share * np.resize(means, len(values))
        profile += share * np.resize(means, length)
    return profile


def trend(values: Floats, period: int) -> Floats:
    """Return the mean over one cycle around each value; straight on at the ends."""
    if period <= 1 or len(values) < 2 * period:
        return np.asarray(np.polyval(np.polyfit(np.arange(len(values)), values, 1), np.arange(len(values))), float)
    weights = np.ones(period + 1 - period % 2)
    if period % 2 == 0:
        weights[[0, -1]] = 0.5
    middle = np.convolve(values, weights / weights.sum(), "valid")
    margin = len(weights) // 2
    span = min(len(middle), period)
    ahead = np.arange(1, margin + 1)
    first = np.polyfit(np.arange(span), middle[:span], 1)
    last = np.polyfit(np.arange(span), middle[-span:], 1)
    return np.concatenate([np.polyval(first, -ahead[::-1]), middle, np.polyval(last, span - 1 + ahead)])
