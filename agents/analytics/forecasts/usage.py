"""Forecasts of usage by the hour and by the day, and of budgets: plain data in and out, to be done aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from agents.analytics.forecasts.exhaustion import Exhaustion, exhaustion
from agents.analytics.forecasts.forecast import Budget, Forecast, forecast
from agents.analytics.forecasts.series import Series
from agents.analytics.forecasts.stamps import Form
from agents.analytics.forecasts.steps import Step
from schemas.errors import ConfigurationError
from schemas.forecast import Pace

SECONDS = {Pace.HOUR: 3_600, Pace.DAY: 86_400}
HORIZONS = {Pace.HOUR: 48, Pace.DAY: 30}
LEARNT = {Pace.HOUR: 24 * 28, Pace.DAY: 400}
"""Steps of the past that are looked at: four weeks of hours, a year of days."""
FEWEST_DAYS = 14
"""Days that must be known for days to be forecast, unless there is no other way."""
FAR_SECONDS = 7 * 86_400
"""What ends later than this is forecast by days."""
FORM = Form("%Y-%m-%d", " ", "%H:%M")


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of one series.

    Attributes:
        pace: From one value to the next.
        first: The step of the first value, in steps since 1970.
        values: One per step; not a number where the system was down.
    """

    pace: Pace
    first: int
    values: Sequence[float]

    @property
    def known_until(self) -> int:
        """When the last step ends, in Unix seconds."""
        return (self.first + len(self.values)) * SECONDS[self.pace]

    def series(self) -> Series:
        """Return it as the methods take it."""
        seconds = SECONDS[self.pace]
        start = datetime.fromtimestamp(self.first * seconds, UTC)
        return Series(np.array(self.values, float), start, Step(seconds=seconds), FORM)


@dataclass(frozen=True, slots=True)
class Made:
    """A forecast as plain numbers; see `schemas.forecast.ForecastMade`."""

    mean: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    method: str
    mase: float | None
    naive_mase: float | None
    error: float | None
    coverage: float | None


@dataclass(frozen=True, slots=True)
class Limited:
    """A budget to be looked at: what it may use, what it has used, and when its period ends, in Unix seconds."""

    past: Past
    limit: float
    spent: float
    end: float


def past_of(found: Mapping[int, float], pace: Pace, last: int, down: frozenset[int]) -> Past | None:
    """Return the past of a series from its first use.

    Args:
        found: What was used, by step since 1970; a step that is missing was without any.
        pace: The length of a step.
        last: The last step that is over.
        down: Steps of which nothing is known.

    Returns:
        The past; None where nothing was used.
    """
    used = [step for step, value in found.items() if value and step <= last]
    if not used:
        return None
    first = max(min(used), last + 1 - LEARNT[pace])
    nothing = float("nan")
    return Past(
        pace,
        first,
        [nothing if step in down and step not in found else found.get(step, 0.0) for step in range(first, last + 1)],
    )


def made(past: Past, budget: Budget | None = None) -> Made | None:
    """Return the forecast of a series; None where nothing is known of it."""
    series = past.series()
    if np.all(np.isnan(series.values)):
        return None
    found = forecast(series, HORIZONS[past.pace], budget)
    return Made(
        tuple(found.mean.tolist()),
        tuple(found.lower.tolist()),
        tuple(found.upper.tolist()),
        found.method,
        found.mase,
        found.naive_mase,
        None if found.tried is None else float(found.tried.error),
        coverage_of(found),
    )


def all_made(pasts: Sequence[Past], methods: int) -> list[Made | None]:
    """Return the forecasts of several series: for who asks another process."""
    return [made(past, Budget(methods=methods)) for past in pasts]


def coverage_of(found: Forecast) -> float | None:
    """Return which share of the backtest's values was within the interval of its step ahead."""
    if found.tried is None:
        return None
    errors = found.tried.errors[:, : len(found.mean)]
    known = ~np.isnan(errors)
    if not known.any():
        return None
    reach = errors.shape[1]
    within = (errors >= -found.spread.below[:reach]) & (errors <= found.spread.above[:reach])
    return float(within[known].mean())


def exhausted(limited: Limited, methods: int) -> Exhaustion | None:
    """Return what is to become of a budget; None where too little is known, or its end is too far away."""
    series = limited.past.series()
    if np.all(np.isnan(series.values)):
        return None
    try:
        return exhaustion(
            series,
            limited.spent,
            limited.limit,
            datetime.fromtimestamp(limited.end, UTC),
            Budget(methods=methods),
        )
    except ConfigurationError:
        return None


def all_exhausted(budgets: Sequence[Limited], methods: int) -> list[Exhaustion | None]:
    """Return what is to become of several budgets: for who asks another process."""
    return [exhausted(limited, methods) for limited in budgets]


def pace_until(end: float, now: float, days: int) -> Pace:
    """Return by which steps to look ahead to an end: by hours, unless it is far away and enough days are known."""
    return Pace.DAY if end - now > FAR_SECONDS and days >= FEWEST_DAYS else Pace.HOUR
