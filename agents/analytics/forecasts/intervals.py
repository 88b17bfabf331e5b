"""How far off a forecast may be: intervals as wide as the errors of the backtest say, by horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from agents.analytics.forecasts.methods.method import Floats

COVERAGE = 0.8
UPPER = (1 + COVERAGE) / 2
TRUSTED = 20.0
STEEPEST = 1.0
NORMAL = 1.2815515655446004


@dataclass(frozen=True, slots=True)
class Spread:
    """How far below and above the forecast the interval reaches, by horizon."""

    below: Floats
    above: Floats


def spread_of(errors: Floats, horizon: int, stride: int) -> Spread:
    """Return the spread that covers 80 % of what errors of the same kind would be.

    Args:
        errors: Truth less forecast by origin and step ahead; not a number where the truth is not known.
        horizon: How many steps are wanted; errors may be known for fewer.
        stride: From one origin to the next.
    """
    sizes = growth(np.abs(errors), horizon)
    scaled = errors / sizes[: errors.shape[1]]
    known = np.sort(scaled[~np.isnan(scaled)])
    independent = independent_windows(scaled, stride)
    widen = float(student.ppf(UPPER, independent)) / NORMAL
    both = float(np.quantile(np.abs(known), COVERAGE))
    trust = independent / (independent + TRUSTED)
    below = trust * max(0.0, -float(np.quantile(known, 1 - UPPER))) + (1 - trust) * both
    above = trust * max(0.0, float(np.quantile(known, UPPER))) + (1 - trust) * both
    return Spread(widen * below * sizes, widen * above * sizes)


def independent_windows(errors: Floats, stride: int) -> float:
    """Return how many windows that share no value the errors amount to, one at least."""
    horizon = errors.shape[1]
    return max(1.0, float(np.sum(~np.isnan(errors))) * stride / float(horizon**2))


def growth(off: Floats, horizon: int) -> Floats:
    """Return how big errors are on average, by step ahead: a power of the steps, bent to what each step shows."""
    counts = (~np.isnan(off)).sum(axis=0)
    known = counts > 0
    ahead = np.arange(1, horizon + 1, dtype=float)
    means = np.nansum(off, axis=0) / np.maximum(counts, 1)
    usable = known & (means > 0)
    if not np.any(usable):
        return np.ones(horizon)
    steps, logs, weights = np.log(ahead[: len(means)][usable]), np.log(means[usable]), counts[usable].astype(float)
    centre, level = np.average(steps, weights=weights), np.average(logs, weights=weights)
    across = float(np.sum(weights * (steps - centre) ** 2))
    slope = float(np.sum(weights * (steps - centre) * (logs - level))) / across if across > 0 else 0.5
    slope = min(max(slope, 0.0), STEEPEST)
    return np.asarray(np.exp(level + slope * (np.log(ahead) - centre)))
