"""The forecast of one series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.analytics.forecasts.backtest import Ground, attempt, mean_error, naive_error, origins_for, try_methods
from agents.analytics.forecasts.candidates import baseline, candidates
from agents.analytics.forecasts.choice import Choice, choose
from agents.analytics.forecasts.intervals import Spread, spread
from agents.analytics.forecasts.methods.adjusted import season_profile
from agents.analytics.forecasts.methods.method import Floats, Seasons
from agents.analytics.forecasts.methods.plain import NAIVE
from agents.analytics.forecasts.periods import cycle_in
from agents.analytics.forecasts.scale import fitting_scale
from agents.analytics.forecasts.series import Series

FEWEST_TRIED = 6
"""Values that a backtest takes at least: fewer are carried on as they are."""
NOTHING = 1e-12
METHODS = 14


@dataclass(frozen=True, slots=True)
class Budget:
    """What a forecast may take; it bounds the time by what is done, so that the same comes out on every machine.

    Attributes:
        methods: That are tried.
        values: The most recent, that are looked at; at least so many `cycles` of the longest season.
        cycles: See `values`.
    """

    methods: int = METHODS
    values: int = 800
    cycles: int = 5


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to come.

    Attributes:
        mean: What is expected, by step.
        lower: What it stays above with 90 %.
        upper: What it stays below with 90 %.
        method: What was chosen.
        season: The length of the season that errors are scaled by; 1 without one.
        error: Mean absolute error of the backtest; None without a backtest.
        naive: The baseline's on the same origins.
        mase: The error over the seasonal-naive's one season ahead within the history; None where that makes none.
        naive_mase: The baseline's.
        errors: Truth less forecast of the backtest, by origin and step; empty without one.
    """

    mean: Floats
    lower: Floats
    upper: Floats
    method: str
    season: int
    error: float | None
    naive: float | None
    mase: float | None
    naive_mase: float | None
    errors: Floats


def forecast(series: Series, horizon: int, budget: Budget | None = None) -> Forecast:
    """Forecast a series: try methods by rolling origin, take the best, and measure how far off it is.

    The same series gives the same forecast. What was never negative is not forecast to be.
    """
    limit = budget or Budget()
    given, ahead = _until_known(series, horizon)
    longest = max((period for period in series.periods if 2 * period < len(given)), default=1)
    given = given[-max(limit.values, limit.cycles * longest) :]
    known = ~np.isnan(given)
    values = _without_gaps(given, series.periods)
    found = _of_values(values, known, ahead, series.periods, limit)
    late = ahead - horizon
    if late == 0:
        return found
    return Forecast(
        found.mean[late:], found.lower[late:], found.upper[late:], found.method, found.season,
        found.error, found.naive, found.mase, found.naive_mase, found.errors,
    )  # fmt: skip


def _until_known(series: Series, horizon: int) -> tuple[Floats, int]:
    """Return the values up to the last known one, and how far it is from there."""
    last = int(np.flatnonzero(~np.isnan(series.values))[-1])
    return series.values[: last + 1], horizon + len(series.values) - 1 - last


def _of_values(
    values: Floats, known: NDArray[np.bool_], horizon: int, periods: tuple[int, ...], limit: Budget
) -> Forecast:
    span = float(values.max() - values.min())
    if span <= NOTHING * float(np.abs(values).max()):
        flat = np.full(horizon, values[-1])
        return Forecast(flat, flat, flat, "constant", 1, 0.0, 0.0, None, None, np.empty((0, horizon)))
    if len(values) < FEWEST_TRIED:
        return _few(values, horizon)
    seasons = _seasons(values, periods)
    ground = Ground(values, known, origins_for(len(values), horizon, seasons.main), horizon, seasons)
    scale = fitting_scale(values[: ground.origins[0]], seasons.main)
    trials = try_methods(candidates(seasons, scale, limit.methods), ground)
    if not trials:
        return _few(values, horizon)
    truth = ground.truth
    chosen = choose(trials, truth)
    base = next((trial for trial in trials if trial.method.name == baseline(seasons).name), None)
    naive = mean_error(base.paths, truth) if base is not None else None
    errors = truth - chosen.paths
    stride = ground.origins[1] - ground.origins[0] if len(ground.origins) > 1 else 1
    mean = _final(chosen, values, horizon, seasons)
    unit = naive_error(values, seasons.main)
    return _bounded(
        values, mean, spread(errors, horizon, stride), chosen.name, seasons.main, chosen.error, naive, unit, errors
    )


def _bounded(
    values: Floats,
    mean: Floats,
    reach: Spread,
    method: str,
    season: int,
    error: float | None,
    naive: float | None,
    unit: float,
    errors: Floats,
) -> Forecast:
    floor = 0.0 if values.min() >= 0 else -np.inf
    mean = np.maximum(mean, floor)
    return Forecast(
        mean,
        np.maximum(mean - reach.below, floor),
        mean + reach.above,
        method,
        season,
        error,
        naive,
        error / unit if error is not None and unit > 0 else None,
        naive / unit if naive is not None and unit > 0 else None,
        errors,
    )


def _final(chosen: Choice, values: Floats, horizon: int, seasons: Seasons) -> Floats:
    """Fit what was chosen to all values."""
    rows = [attempt(method, values, values, [len(values)], horizon, seasons) for method in chosen.methods]
    paths = [row[0] for row in rows if row is not None]
    return np.mean(paths, axis=0) if paths else np.full(horizon, values[-1])


def _few(values: Floats, horizon: int) -> Forecast:
    """Carry on the last value; it is off as far as values were from one to the next, and more with every step."""
    reach = 2 * float(np.mean(np.abs(np.diff(values)))) * np.sqrt(np.arange(1, horizon + 1))
    mean = np.full(horizon, values[-1])
    return _bounded(values, mean, Spread(reach, reach), NAIVE.name, 1, None, None, 0.0, np.empty((0, horizon)))


def _seasons(values: Floats, periods: tuple[int, ...]) -> Seasons:
    """Return the seasons that there are values enough for."""
    enough = tuple(sorted(period for period in periods if len(values) >= 2 * period + 3 and period > 1))
    if enough:
        return Seasons(enough[0], enough)
    cycle = cycle_in(values)
    return Seasons(cycle, (cycle,)) if cycle is not None else Seasons(1, ())


def _without_gaps(values: Floats, periods: tuple[int, ...]) -> Floats:
    """Fill in what is unknown: between its neighbours, with the season on top where there is one."""
    known = ~np.isnan(values)
    if known.all():
        return values
    places = np.arange(len(values))
    filled = np.interp(places, places[known], values[known])
    enough = tuple(period for period in sorted(periods) if len(values) >= 3 * period)
    if enough:
        profile = np.resize(season_profile(filled, enough), len(values))
        rest = (filled - profile)[known]
        filled = np.where(known, values, np.interp(places, places[known], rest) + profile)
    return np.maximum(filled, values[known].min()) if values[known].min() >= 0 else filled
