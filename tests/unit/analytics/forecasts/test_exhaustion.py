from __future__ import annotations

import numpy as np
import pytest

from agents.analytics.forecasts.exhaustion import error_correlation, exhaustion, runs, steps_until
from agents.analytics.forecasts.forecast import Budget, Forecast, Tried, forecast
from agents.analytics.forecasts.intervals import Spread
from schemas.errors import ConfigurationError
from tests.unit.analytics.forecasts.made import MONTHLY, moment, series, weekly

CHEAP = Budget(methods=2)
VALUES = weekly(60)
END = moment("2024-03-31")
"""Thirty days after the last of them."""


def made(errors: np.ndarray[tuple[int, int], np.dtype[np.float64]], mean: float = 10.0) -> Forecast:
    steps = np.full(errors.shape[1], 1.0)
    tried = Tried(errors, errors.shape[1], 1.0, None, 1.0)
    return Forecast(mean * steps, Spread(2 * steps, 2 * steps), -np.inf, "made", 1, tried)


def test_steps_are_counted_until_the_period_ends() -> None:
    assert steps_until(series(VALUES), END) == 30
    assert steps_until(series(VALUES), moment("2024-02-01")) == 0
    assert steps_until(series([1, 2, 3], MONTHLY), moment("2024-07-01")) == 3


def test_a_period_of_too_many_steps_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"end: it is more than 2,000 steps .* sum the series by hour or by day"
    ):
        steps_until(series(VALUES), moment("2034-01-01"))


def test_a_budget_far_below_or_above_is_sure() -> None:
    small = exhaustion(series(VALUES), 0, 1_000, END, CHEAP)
    assert small.probability == 1.0
    assert small.date is not None
    assert small.earliest is not None
    assert moment("2024-03-09") <= small.earliest <= small.date <= moment("2024-03-11")
    large = exhaustion(series(VALUES), 0, 100_000, END, CHEAP)
    assert (large.probability, large.date, large.earliest) == (0.0, None, None)


def test_the_date_is_where_the_probability_passes_one_half() -> None:
    expected = exhaustion(series(VALUES), 0, 1e9, END, CHEAP)
    assert expected.lower < expected.expected < expected.upper
    tight = exhaustion(series(VALUES), 0, expected.expected, END, CHEAP)
    assert 0.4 < tight.probability < 0.6
    assert tight.earliest is not None
    assert np.all(np.diff(tight.by_step) >= 0)
    likely = exhaustion(series(VALUES), 0, expected.lower, END, CHEAP)
    assert likely.probability == pytest.approx(0.9, abs=0.01)
    assert likely.date is not None


def test_what_is_spent_already_counts() -> None:
    gone = exhaustion(series(VALUES), 500, 400, END, CHEAP)
    assert (gone.probability, gone.date) == (1.0, moment("2024-02-29"))
    over = exhaustion(series(VALUES), 100, 400, moment("2024-02-01"), CHEAP)
    assert (over.probability, over.date, len(over.by_step)) == (0.0, None, 0)


def test_errors_that_go_together_make_totals_less_sure() -> None:
    random = np.random.default_rng(1)
    apart = made(random.normal(0, 1, (60, 12)))
    together = made(np.repeat(random.normal(0, 1, (60, 1)), 12, axis=1))
    assert error_correlation(apart)[0] < 0.15
    assert error_correlation(together)[0] > 0.85
    assert runs(together).sum(axis=1).std() > 2 * runs(apart).sum(axis=1).std()


def test_runs_are_as_the_forecast_says() -> None:
    found = forecast(series(np.random.default_rng(3).poisson(0.4, 90)), 10, CHEAP)
    drawn = runs(found)
    assert drawn.min() >= 0
    assert drawn.mean(axis=0) == pytest.approx(found.mean)
    assert np.array_equal(drawn, runs(found))
