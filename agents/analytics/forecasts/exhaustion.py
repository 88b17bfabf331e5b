"""When a budget will be used up, and how probably."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from agents.analytics.forecasts.forecast import Budget, Forecast, forecast
from agents.analytics.forecasts.intervals import NORMAL, UPPER, independent_windows
from agents.analytics.forecasts.methods.method import Floats
from agents.analytics.forecasts.series import Series
from schemas.errors import ConfigurationError

RUNS = 4_000
SEED = 20_240_229
EVEN = 0.5
PRIOR_WINDOWS = 4.0
"""The correlation of errors counts as much as so many windows of `EVEN` until the backtest has shown more."""
MOST_STEPS = 2_000


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """What is to become of a budget until its period ends.

    Attributes:
        probability: That it is used up by then.
        date: The step within which it is used up in half of all cases; None where it lasts in more than half of them.
        earliest: That within which it is used up in a tenth of all cases; None where it lasts in more than 90 %.
        expected: What is spent at the end, on average.
        lower: What is spent at least, with 90 %.
        upper: What is spent at most, with 90 %.
        by_step: The probability that it is used up by the end of each step to come.
    """

    probability: float
    date: datetime | None
    earliest: datetime | None
    expected: float
    lower: float
    upper: float
    by_step: Floats


def exhaustion(series: Series, spent: float, limit: float, end: datetime, budget: Budget | None = None) -> Exhaustion:
    """Say when what a series adds to what is spent reaches a limit.

    Args:
        series: What is spent by step; the steps after its last are forecast.
        spent: What the period has used already, up to and with the series' last step.
        limit: What it may use.
        end: When it ends, on the clock of the series; steps that begin before are counted whole.
        budget: What the forecast may take.

    Raises:
        ConfigurationError: There are too many steps until then.
    """
    steps = steps_until(series, end)
    if spent >= limit or steps == 0:
        gone = spent >= limit
        date = series.moment(0) if gone else None
        return Exhaustion(float(gone), date, date, spent, spent, spent, np.full(steps, float(gone)))
    totals = spent + np.cumsum(runs(forecast(series, steps, budget)), axis=1)
    by_step = (np.maximum.accumulate(totals, axis=1) >= limit).mean(axis=0)
    lower, upper = np.quantile(totals[:, -1], [1 - UPPER, UPPER])
    return Exhaustion(
        float(by_step[-1]),
        _reached(series, by_step, EVEN),
        _reached(series, by_step, 1 - UPPER),
        float(totals[:, -1].mean()),
        float(lower),
        float(upper),
        by_step,
    )


def steps_until(series: Series, end: datetime) -> int:
    """Return how many steps after the series' last begin before an end.

    Raises:
        ConfigurationError: They are too many.
    """
    if series.moment(MOST_STEPS) < end:
        raise ConfigurationError(
            f"end: it is more than {MOST_STEPS:,} steps of the series until {end.isoformat()}; "
            "sum the series by hour or by day"
        )
    return bisect_left(range(1, MOST_STEPS + 1), end, key=series.moment)


def runs(found: Forecast) -> Floats:
    """Return what may come, one row per run, as the forecast's intervals and the correlation of its errors say."""
    horizon = len(found.mean)
    common, memory = error_correlation(found)
    random = np.random.default_rng(SEED)
    own = random.normal(size=(RUNS, horizon))
    for step in range(1, horizon):
        own[:, step] = memory * own[:, step - 1] + np.sqrt(1 - memory**2) * own[:, step]
    off = np.sqrt(common) * random.normal(size=(RUNS, 1)) + np.sqrt(1 - common) * own
    drawn = found.mean + off / NORMAL * np.where(off > 0, found.spread.above, found.spread.below)
    if np.isinf(found.floor):
        return np.asarray(drawn + (found.mean - drawn.mean(axis=0)))
    drawn = np.maximum(drawn, 0.0)  # which raises the mean, so that it is put right
    middle = drawn.mean(axis=0)
    return np.asarray(drawn * np.where(middle > 0, found.mean / np.where(middle > 0, middle, 1.0), 0.0))


def error_correlation(found: Forecast) -> tuple[float, float]:
    """Return how much of a forecast's errors all steps have in common, and how much of the rest each has of the last.

    Errors that go together do not cancel out in a sum: to take them for independent would make totals look safer than
    they are.
    """
    errors = found.tried.errors if found.tried is not None else np.empty((0, 0))
    errors = errors[:, np.any(~np.isnan(errors), axis=0)]
    if found.tried is None or min(errors.shape) < 2:
        return EVEN, EVEN
    sizes = np.sqrt(np.nanmean(errors**2, axis=0))
    scaled = errors / np.where(sizes > 0, sizes, 1.0)
    horizon = scaled.shape[1]
    by_lag = np.array([_together(scaled[:, : horizon - lag], scaled[:, lag:]) for lag in range(1, horizon)])
    far = by_lag[(horizon - 1) // 2 :]
    trust = independent_windows(errors, found.tried.stride)
    trust /= trust + PRIOR_WINDOWS
    common = trust * float(np.clip(np.mean(far), 0.0, 1.0)) + (1 - trust) * EVEN
    near = float(np.clip(by_lag[0], 0.0, 1.0))
    return common, float(np.clip((near - common) / max(1 - common, 1e-9), 0.0, 0.99))


def _together(one: Floats, other: Floats) -> float:
    products = one * other
    known = ~np.isnan(products)
    return float(products[known].mean()) if known.any() else EVEN


def _reached(series: Series, by_step: Floats, probability: float) -> datetime | None:
    place = int(np.argmax(by_step >= probability))
    return series.moment(place + 1) if by_step[place] >= probability else None
