"""ARIMA: fitted by statsmodels' SARIMAX, carried on from every origin by its state space; and autoregression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from statsmodels.tsa.statespace.sarimax import SARIMAX

from agents.analytics.forecasts.methods.method import Floats, Method, Paths, Seasons

ROUNDS = 30
"""Of the optimizer: bounds the time, whatever the series."""
LONGEST_FIT = 400
"""Values that parameters are estimated from: more make it slower and hardly better."""
LONGEST_LAG = 16

Order = tuple[int, int, int]


def arima(order: Order, seasonal: Order | None = None, constant: bool = False) -> Method:
    """Return ARIMA of some order, with a constant where it is asked for."""

    def model(values: Floats, seasons: Seasons) -> SARIMAX:
        return SARIMAX(
            values,
            order=order,
            seasonal_order=(*seasonal, seasons.main) if seasonal else (0, 0, 0, 0),
            trend="c" if constant else None,
        )

    def fit(values: Floats, seasons: Seasons) -> Paths:
        spread = float(np.std(np.diff(values))) or 1.0  # the optimizer wants numbers near one
        centre = float(np.mean(values))
        scaled = (values - centre) / spread
        parameters = model(scaled[-LONGEST_FIT:], seasons).fit(disp=False, maxiter=ROUNDS).params

        def paths(values: Floats, origins: Sequence[int], horizon: int) -> Floats:
            return centre + spread * _ahead(model((values - centre) / spread, seasons), parameters, origins, horizon)

        return paths

    name = f"sarimax{order}{seasonal or ''}{'+c' if constant else ''}".replace(" ", "")
    return Method(name, fit, needs=12)


def _ahead(model: SARIMAX, parameters: Floats, origins: Sequence[int], horizon: int) -> Floats:
    """Filter once, and look ahead from the state predicted at each origin."""
    filtered = model.filter(parameters).filter_results
    states = filtered.predicted_state[:, list(origins)]
    design, transition = filtered.design[0, :, -1], filtered.transition[:, :, -1]
    drift = filtered.state_intercept[:, -1:]
    rows = np.empty((len(origins), horizon))
    for step in range(horizon):
        rows[:, step] = design @ states + filtered.obs_intercept[0, -1]
        states = transition @ states + drift
    return rows


def _autoregression(values: Floats, seasons: Seasons) -> Paths:
    """Fit by least squares, of the order that Akaike's criterion prefers."""
    longest = max(1, min(LONGEST_LAG, len(values) // 4))
    lagged = np.lib.stride_tricks.sliding_window_view(values, longest + 1)
    target, count = lagged[:, -1], len(lagged)
    weights: Floats = np.zeros(2)
    best = np.inf
    for lag in range(1, longest + 1):
        design = np.column_stack([np.ones(count), lagged[:, longest - lag : longest]])
        found = np.linalg.lstsq(design, target, rcond=None)[0]
        rest = target - design @ found
        criterion = count * np.log(max(float(rest @ rest) / count, 1e-300)) + 2 * (lag + 1)
        if criterion < best:
            best, weights = criterion, np.asarray(found, float)
    lag = len(weights) - 1

    def paths(values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        known = np.empty((len(origins), lag + horizon))
        known[:, :lag] = np.stack([values[origin - lag : origin] for origin in origins])
        for step in range(horizon):
            known[:, lag + step] = weights[0] + known[:, step : lag + step] @ weights[1:]
        return known[:, lag:]

    return paths


AUTOREGRESSION = Method("autoregression", _autoregression, needs=16)
