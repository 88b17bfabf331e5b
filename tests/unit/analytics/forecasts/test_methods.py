from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.statespace.sarimax import SARIMAX

from agents.analytics.forecasts.candidates import candidates
from agents.analytics.forecasts.methods.adjusted import season_profile
from agents.analytics.forecasts.methods.arima import ROUNDS, arima
from agents.analytics.forecasts.methods.method import Method, Seasons
from agents.analytics.forecasts.methods.smoothing import THETA, ets
from agents.analytics.forecasts.periods import cycle_in
from agents.analytics.forecasts.scale import Scale, fitting_scale
from tests.unit.analytics.forecasts.made import weekly

WEEK = Seasons(7, (7,))
VALUES = np.array(weekly(70))
AHEAD = 10

EVERY = [*candidates(WEEK, Scale(), 99, 99), *candidates(Seasons(1, ()), Scale(0.0), 99, 99)]


@pytest.mark.parametrize(("trend", "seasonal"), [(False, False), (True, False), (True, True)])
def test_smoothing_goes_on_as_statsmodels_would(trend: bool, seasonal: bool) -> None:
    model: Any = ETSModel(
        VALUES,
        trend="add" if trend else None,
        damped_trend=trend,
        seasonal="add" if seasonal else None,
        seasonal_periods=7 if seasonal else None,
        initialization_method="heuristic",
    )
    expected = model.fit(disp=False, maxiter=50).forecast(AHEAD)
    assert ets(trend, seasonal).fit(VALUES, WEEK)(VALUES, [70], AHEAD)[0] == pytest.approx(expected)


def test_theta_goes_on_as_statsmodels_would() -> None:
    values = VALUES + 30 * (np.arange(70) % 7 >= 5)
    expected = np.asarray(ThetaModel(values, period=1, deseasonalize=False).fit().forecast(AHEAD))
    assert THETA.fit(values, WEEK)(values, [70], AHEAD)[0] == pytest.approx(expected)


def test_arima_goes_on_as_statsmodels_would() -> None:
    centre, spread = VALUES.mean(), np.std(np.diff(VALUES))
    model = SARIMAX((VALUES - centre) / spread, order=(1, 0, 1), trend="c")
    expected = centre + spread * model.fit(disp=False, maxiter=ROUNDS).forecast(AHEAD)
    assert arima((1, 0, 1), constant=True).fit(VALUES, WEEK)(VALUES, [70], AHEAD)[0] == pytest.approx(expected)


@pytest.mark.parametrize("method", EVERY, ids=lambda method: method.name)
def test_no_method_knows_what_comes_after_its_origin(method: Method) -> None:
    other = VALUES.copy()
    other[55:] = 1_000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = method.fit(VALUES[:50], WEEK)
    found = fitted(VALUES, (50, 55), AHEAD)
    assert found.shape == (2, AHEAD)
    assert fitted(other, (50, 55), AHEAD) == pytest.approx(found, rel=1e-9)


def test_seasons_are_found_and_noise_is_not() -> None:
    profile = season_profile(VALUES, [7])
    assert profile[:5].min() - profile[5:].max() > 20
    noise = np.random.default_rng(1).normal(0, 1, 70)
    assert np.abs(season_profile(noise, [7])).max() < 0.7


def test_a_cycle_is_found_where_there_is_one() -> None:
    assert cycle_in(np.sin(2 * np.pi * np.arange(60) / 9)) == 9
    assert cycle_in(np.random.default_rng(1).normal(0, 1, 60)) is None
    assert cycle_in(np.arange(60.0)) is None


def test_what_varies_more_where_it_is_more_is_forecast_on_another_scale() -> None:
    random = np.random.default_rng(1)
    level = np.exp(np.sin(np.arange(84) / 12))
    assert fitting_scale(level * np.exp(random.normal(0, 0.1, 84)), 7).power == 0.0
    assert fitting_scale(4 + level * 0.1 + random.normal(0, 0.3, 84), 7).power == 1.0
    assert fitting_scale(level * random.normal(0, 0.1, 84), 7).power == 1.0
    for power in (0.0, 0.5, 1.0):
        assert Scale(power).back(Scale(power).to(level)) == pytest.approx(level)
