"""The forecast of one series."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.analytics.forecasts.backtest import Ground, attempt, mean_error, naive_error, origins_for, try_methods
from agents.analytics.forecasts.candidates import baseline, candidates
from agents.analytics.forecasts.choice import Choice, choose
from agents.analytics.forecasts.intervals import Spread, spread_of
from agents.analytics.forecasts.methods.adjusted import season_profile
from agents.analytics.forecasts.methods.method import Floats, Seasons
from agents.analytics.forecasts.methods.plain import NAIVE
from agents.analytics.forecasts.periods import cycle_in
from agents.analytics.forecasts.scale import fitting_scale
from agents.analytics.forecasts.series import Series

FEWEST_TRIED = 6
"""Values that a backtest takes at least: fewer are carried on as they are."""
FEW_STUDENT = 1.6
"""Student's t for 90 % and as few values."""
LEAST_CYCLES = 1.5
"""Of a season, that must have been seen."""
NOTHING = 1e-12
METHODS = 14


@dataclass(frozen=True, slots=True)
class Budget:
    """What a forecast may take; it bounds the time by what is done, so that the same comes out on every machine.

    Attributes:
        methods: That are tried.
        values: The most recent, that are looked at; at least so many `cycles` of the longest season.
        cycles: See `values`.
        most: Values at most; longer seasons are left out of account.
    """

    methods: int = METHODS
    values: int = 800
    cycles: int = 5
    most: int = 4_200


@dataclass(frozen=True, slots=True)
class Tried:
    """What the backtest showed of what was chosen.

    Attributes:
        errors: Truth less forecast, by origin and step; not a number where the truth is unknown.
        stride: From one origin to the next.
        error: Mean absolute error.
        naive: The baseline's on the same origins; None where it could not be tried.
        unit: The seasonal-naive's one season ahead within the history, by which errors are scaled.
    """

    errors: Floats
    stride: int
    error: float
    naive: float | None
    unit: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to come.

    Attributes:
        mean: What is expected, by step.
        spread: How far below and above it may be, with 80 %.
        floor: What is never gone below.
        method: What was chosen.
        season: The length of the season that errors are scaled by; 1 without one.
        tried: The backtest; None where there is too little for one, or nothing to be found out.
    """

    mean: Floats
    spread: Spread
    floor: float
    method: str
    season: int = 1
    tried: Tried | None = None

    @property
    def lower(self) -> Floats:
        """What each step stays above with 90 %."""
        return np.maximum(self.mean - self.spread.below, self.floor)

    @property
    def upper(self) -> Floats:
        """What each step stays below with 90 %."""
        return np.asarray(self.mean + self.spread.above)

    @property
    def mase(self) -> float | None:
        """The scaled error of the backtest; None without one, or where the history has no unit."""
        return self.tried.error / self.tried.unit if self.tried is not None and self.tried.unit > 0 else None

    @property
    def naive_mase(self) -> float | None:
        """The baseline's."""
        tried = self.tried
        return tried.naive / tried.unit if tried is not None and tried.naive is not None and tried.unit > 0 else None


def forecast(series: Series, horizon: int, budget: Budget | None = None) -> Forecast:
    """Forecast a series: try methods by rolling origin, take the best, and measure how far off it is.

    The same series gives the same forecast. What was never negative is not forecast to be.
    """
    limit = budget or Budget()
    last = int(np.flatnonzero(~np.isnan(series.values))[-1])
    late = len(series.values) - 1 - last  # steps of which nothing is known are forecast too
    periods = tuple(period for period in series.periods if LEAST_CYCLES * period <= min(last + 1, limit.most))
    wanted = min(limit.most, max(limit.values, limit.cycles * max(periods, default=1)))
    given = series.values[max(0, last + 1 - wanted) : last + 1]
    # optimizers stop by absolute sizes: money in cents is as in dollars
    unit = float(np.nanmax(np.abs(given))) or 1.0
    values = _without_gaps(given / unit, periods)
    found = _of_values(values, ~np.isnan(given), horizon + late, periods, limit)
    return _given_back(found, unit, late)


def _given_back(found: Forecast, unit: float, late: int) -> Forecast:
    """Bring a forecast back to the unit of its series, and leave out the first steps."""
    tried = found.tried
    if tried is not None:
        naive = tried.naive * unit if tried.naive is not None else None
        tried = Tried(tried.errors * unit, tried.stride, tried.error * unit, naive, tried.unit * unit)
    spread = Spread(found.spread.below[late:] * unit, found.spread.above[late:] * unit)
    return replace(found, mean=found.mean[late:] * unit, spread=spread, tried=tried)


def _of_values(
    values: Floats, known: NDArray[np.bool_], horizon: int, periods: tuple[int, ...], limit: Budget
) -> Forecast:
    floor = 0.0 if values.min() >= 0 else -np.inf
    if float(values.max() - values.min()) <= NOTHING * float(np.abs(values).max()):
        none = np.zeros(horizon)
        return Forecast(np.full(horizon, values[-1]), Spread(none, none), floor, "constant")
    if len(values) < FEWEST_TRIED:
        return _few(values, horizon, floor)
    seasons = _seasons(values, periods)
    ground = Ground(values, known, origins_for(len(values), horizon, seasons.main), horizon, seasons)
    scale = fitting_scale(values[: ground.origins[0]], seasons.main)
    truth = ground.truth
    trials = try_methods(candidates(seasons, scale, limit.methods, ground.origins[0]), ground)
    if not trials or np.all(np.isnan(truth)):
        return _few(values, horizon, floor)
    chosen = choose(trials, truth)
    base = next((trial for trial in trials if trial.method.name == baseline(seasons).name), None)
    tried = Tried(
        truth - chosen.paths,
        ground.origins[1] - ground.origins[0],
        chosen.error,
        mean_error(base.paths, truth) if base is not None else None,
        naive_error(values, seasons.main),
    )
    mean = np.maximum(_final(chosen, values, horizon, seasons), floor)
    reach = spread_of(tried.errors, horizon, tried.stride)
    moved = np.maximum(chosen.paths[-1], floor) - mean  # by fitting again to all: the errors were made before
    reach = Spread(np.maximum(reach.below, -moved), np.maximum(reach.above, moved))
    return Forecast(mean, reach, floor, chosen.name, seasons.main, tried)


def _final(chosen: Choice, values: Floats, horizon: int, seasons: Seasons) -> Floats:
    """Fit what was chosen to all values."""
    total, weights = np.zeros(horizon), 0.0
    for method, weight in zip(chosen.methods, chosen.weights, strict=True):
        rows = attempt(method, values, values, [len(values)], horizon, seasons)
        if rows is not None:
            total, weights = total + weight * rows[0], weights + weight
    return total / weights if weights else np.full(horizon, values[-1])


def _few(values: Floats, horizon: int, floor: float) -> Forecast:
    """Carry on the last value; it is off as far as values were from one to the next, and more with every step."""
    reach = FEW_STUDENT * float(np.sqrt(np.mean(np.diff(values) ** 2))) * np.sqrt(np.arange(1, horizon + 1))
    return Forecast(np.full(horizon, values[-1]), Spread(reach, reach), floor, NAIVE.name)


def _seasons(values: Floats, periods: tuple[int, ...]) -> Seasons:
    """Return the seasons: those that the step suggests, or else the cycle that the values show."""
    if periods:
        return Seasons(min(periods), tuple(sorted(periods)))
    cycle = cycle_in(values)
    return Seasons(cycle, (cycle,)) if cycle is not None else Seasons(1, ())


def _without_gaps(values: Floats, periods: tuple[int, ...]) -> Floats:
    """Fill in what is unknown: between its neighbours, with the season on top where there is one."""
    known = ~np.isnan(values)
    if known.all():
        return values
    places = np.arange(len(values))
    filled = np.interp(places, places[known], values[known])
    if periods:
        profile = np.resize(season_profile(filled, sorted(periods)), len(values))
        rest = (filled - profile)[known]
        filled = np.where(known, values, np.interp(places, places[known], rest) + profile)
    return np.maximum(filled, values[known].min()) if values[known].min() >= 0 else filled
