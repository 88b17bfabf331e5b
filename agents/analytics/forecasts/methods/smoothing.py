"""Exponential smoothing and Theta: fitted by statsmodels, carried on from every origin by their own recursions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel

from agents.analytics.forecasts.methods.method import Floats, Method, Paths, Seasons

ROUNDS = 50
"""Of the optimizer: bounds the time, whatever the series."""
LEAST_ALPHA = 1e-4


def ets(trend: bool, seasonal: bool, damped: bool = True) -> Method:
    """Return exponential smoothing with additive parts; a trend is damped unless it is asked not to be."""

    def fit(values: Floats, seasons: Seasons) -> Paths:
        period = seasons.main if seasonal else 1
        model = ETSModel(
            values,
            error="add",
            trend="add" if trend else None,
            damped_trend=trend and damped,
            seasonal="add" if seasonal else None,
            seasonal_periods=period if seasonal else None,
            initialization_method="heuristic",
        )
        found = model.fit(disp=False, maxiter=ROUNDS)
        named = dict(zip(model.param_names, found.params, strict=True))
        alpha = named["smoothing_level"]
        beta = named.get("smoothing_trend", 0.0)
        gamma = named.get("smoothing_seasonal", 0.0)
        phi = named.get("damping_trend", 1.0) if trend else 0.0
        level = float(found.initial_level)
        slope = float(found.initial_trend) if trend else 0.0
        season = [float(each) for each in found.initial_seasonal] if seasonal else [0.0]

        def paths(values: Floats, origins: Sequence[int], horizon: int) -> Floats:
            return _carried(values, origins, horizon, (alpha, beta, gamma, phi), (level, slope, season))

        return paths

    name = f"ets(A{'Ad' if trend and damped else 'A' if trend else 'N'}{'A' if seasonal else 'N'})"
    return Method(name, fit, needs=10)


def _carried(
    values: Floats,
    origins: Sequence[int],
    horizon: int,
    parameters: tuple[float, float, float, float],
    state: tuple[float, float, list[float]],
) -> Floats:
    """Run the recursions once through the values, and look ahead from each origin."""
    alpha, beta, gamma, phi = parameters
    level, slope, season = state[0], state[1], list(state[2])
    period = len(season)
    ahead = np.arange(horizon)
    damping = np.cumsum(phi ** (ahead + 1.0))
    wanted = {origin: row for row, origin in enumerate(origins)}
    rows = np.empty((len(origins), horizon))
    for place, value in enumerate([*values.tolist(), 0.0][: max(origins) + 1]):
        phase = place % period
        if place in wanted:
            rows[wanted[place]] = level + slope * damping + np.asarray(season)[(phase + ahead) % period]
        expected = level + phi * slope + season[phase]
        error = value - expected
        level, slope = level + phi * slope + alpha * error, phi * slope + beta * error
        season[phase] += gamma * error
    return rows


def _theta(values: Floats, seasons: Seasons) -> Paths:
    found = ThetaModel(values, period=1, deseasonalize=False).fit()
    alpha = max(float(found.params["alpha"]), LEAST_ALPHA)
    slope = float(found.params["b0"]) / 2  # the mean of the line and of twice the curvature

    def paths(values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        levels = _carried(values, origins, 1, (alpha, 0.0, 0.0, 0.0), (float(values[0]), 0.0, [0.0]))
        ahead = np.arange(horizon)[None, :]
        left = (1 - (1 - alpha) ** np.asarray(origins, float)) / alpha
        return levels + slope * (ahead + left[:, None])

    return paths


THETA = Method("theta", _theta, needs=6)
