from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.analytics.forecasts.forecast import Budget, forecast
from agents.analytics.forecasts.intervals import spread_of
from tests.unit.analytics.forecasts.made import MONTHLY, series, weekly

CHEAP = Budget(methods=4)
PLAIN = Budget(methods=2)
VALUES = weekly(80)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(0.0), st.just(math.nan)), min_size=1, max_size=40).filter(
        lambda values: not math.isnan(values[0])
    ),
    st.integers(1, 20),
)
def test_whatever_the_history_there_is_a_forecast_within_its_interval(values: list[float], horizon: int) -> None:
    found = forecast(series(values), horizon, PLAIN)
    assert len(found.mean) == len(found.lower) == len(found.upper) == horizon
    assert np.all(np.isfinite([found.lower, found.mean, found.upper]))
    assert np.all(found.lower <= found.mean)
    assert np.all(found.mean <= found.upper)
    if min(value for value in values if not math.isnan(value)) >= 0:
        assert found.lower.min() >= 0


def test_the_same_history_gives_the_same_forecast_in_any_unit() -> None:
    found, again = forecast(series(VALUES), 7, CHEAP), forecast(series(VALUES), 7, CHEAP)
    cents = forecast(series(100 * value for value in VALUES), 7, CHEAP)
    assert found.mean.tolist() == again.mean.tolist()
    assert found.lower.tolist() == again.lower.tolist()
    assert cents.mean == pytest.approx(100 * found.mean, rel=1e-4)
    assert cents.upper == pytest.approx(100 * found.upper, rel=1e-4)
    assert cents.mase == pytest.approx(found.mase, rel=1e-4)


def test_seasons_and_trend_go_on() -> None:
    found = forecast(series(VALUES), 14, Budget(methods=8))
    truth = np.array(weekly(94, noise=0))[80:]
    assert np.abs(found.mean - truth).max() < 5
    assert found.mase is not None
    assert found.naive_mase is not None
    assert found.mase < found.naive_mase
    assert found.season == 7


def test_a_constant_series_stays_as_it_is() -> None:
    for value in (0.0, -3.5, 1e-9):
        found = forecast(series([value] * 30), 5)
        assert found.mean.tolist() == found.lower.tolist() == found.upper.tolist() == [value] * 5


@pytest.mark.parametrize("count", [2, 3, 5, 8, 12])
def test_short_series_are_carried_on_with_growing_doubt(count: int) -> None:
    found = forecast(series(VALUES[:count], MONTHLY), 12)
    assert 50 < found.mean.min() <= found.mean.max() < 150
    assert found.upper[0] > found.mean[0] > found.lower[0]
    assert found.upper[-1] - found.lower[-1] >= found.upper[0] - found.lower[0]


def test_mostly_nothing_is_never_less_than_nothing() -> None:
    random = np.random.default_rng(3)
    values = np.where(random.random(90) < 0.25, random.poisson(6, 90), 0)
    found = forecast(series(values), 14, Budget(methods=6))
    assert found.lower.max() == 0
    assert 0.5 < found.mean.mean() < 3
    assert found.upper.min() > 0


def test_steps_after_the_last_known_value_are_left_out() -> None:
    whole = forecast(series(VALUES[:70]), 10, CHEAP)
    late = forecast(series([*VALUES[:70], math.nan, math.nan, math.nan]), 7, CHEAP)
    assert len(late.mean) == 7
    assert late.mean == pytest.approx(whole.mean[3:])
    assert late.upper == pytest.approx(whole.upper[3:])


def test_gaps_cost_little() -> None:
    holes = [math.nan if place % 9 == 4 else value for place, value in enumerate(VALUES)]
    assert forecast(series(holes), 7, CHEAP).mean == pytest.approx(forecast(series(VALUES), 7, CHEAP).mean, abs=8)


def test_no_more_methods_are_tried_than_the_budget_has() -> None:
    assert forecast(series(VALUES), 7, Budget(methods=1)).method == "seasonal_naive(7)"


@pytest.mark.parametrize("growing", [0.0, 0.5])
def test_intervals_hold_four_fifths_of_errors_of_their_kind(growing: float) -> None:
    random = np.random.default_rng(5)
    scale = np.arange(1, 13) ** growing
    reach = spread_of(random.normal(0, scale, (40, 12)), 12, 12)
    fresh = random.normal(0, scale, (4_000, 12))
    inside = (fresh >= -reach.below) & (fresh <= reach.above)
    assert 0.76 < inside.mean() < 0.84
    assert np.all(np.abs(inside.mean(axis=0) - 0.8) < 0.1)


def test_what_is_known_of_few_steps_is_carried_further() -> None:
    errors = np.full((6, 20), np.nan)
    errors[:, :3] = np.random.default_rng(6).normal(0, [1, 1.4, 1.7], (6, 3))
    reach = spread_of(errors, 20, 1)
    assert np.all(np.isfinite(reach.above))
    assert reach.above[19] >= reach.above[0]
