"""Series of usage as the live system forecasts them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from agents.analytics.forecasts.present import AHEAD, present
from agents.analytics.forecasts.usage import (
    FEWEST_DAYS,
    HORIZONS,
    LEARNT,
    Limited,
    Past,
    all_exhausted,
    all_made,
    made,
    pace_until,
    past_of,
)
from schemas.forecast import Pace
from schemas.policy import Period

DAY = 86_400
NAN = float("nan")


def daily(days: int) -> list[float]:
    """Hours with a daily rhythm."""
    return [10 + 5 * math.sin(2 * math.pi * hour / 24) for hour in range(24 * days)]


def test_a_past_begins_with_the_first_use_and_has_zeros_and_gaps() -> None:
    past = past_of({100: 0.0, 103: 2.0, 106: 1.0, 109: 4.0}, Pace.HOUR, 107, frozenset({104, 106}))
    assert past is not None
    assert past.first == 103
    assert past.known_until == 108 * 3_600
    assert [None if math.isnan(value) else value for value in past.values] == [2.0, None, 0.0, 1.0, 0.0]


def test_what_was_never_used_has_no_past() -> None:
    assert past_of({}, Pace.DAY, 5, frozenset()) is None
    assert past_of({3: 0.0, 7: 1.0}, Pace.DAY, 5, frozenset()) is None


def test_a_past_is_no_longer_than_what_is_learnt_from() -> None:
    past = past_of({0: 1.0}, Pace.HOUR, 10_000, frozenset())
    assert past is not None
    assert len(past.values) == LEARNT[Pace.HOUR]


def test_a_rhythm_is_carried_on() -> None:
    found = made(Past(Pace.HOUR, 0, daily(14)))
    assert found is not None
    assert len(found.mean) == HORIZONS[Pace.HOUR]
    assert found.mean[6] == pytest.approx(15, abs=0.5)
    assert found.mean[18] == pytest.approx(5, abs=0.5)
    assert found.coverage is not None


@pytest.mark.parametrize("values", [[3.0], [3.0, 4.0], [2.0] * 60, [0.0, 0.0, 1.0]])
def test_short_and_constant_series_behave(values: list[float]) -> None:
    for pace in Pace:
        (found,) = all_made([Past(pace, 0, values)], 14)
        assert found is not None
        points = zip(found.lower, found.mean, found.upper, strict=True)
        assert all(0 <= lower <= mean <= upper for lower, mean, upper in points)
        assert found.mean[0] == pytest.approx(values[-1], abs=1.0)


def test_where_nothing_is_known_nothing_is_said() -> None:
    unknown = Past(Pace.HOUR, 0, [NAN, NAN])
    assert made(unknown) is None
    assert all_exhausted([Limited(unknown, 1.0, 0.0, DAY)], 14) == [None]


def test_a_budget_is_used_up_when_spending_goes_on() -> None:
    past = Past(Pace.HOUR, 0, daily(14))
    end = float(past.known_until + 5 * DAY)
    tight, ample, gone, endless = all_exhausted(
        [
            Limited(past, 500.0, 20.0, end),
            Limited(past, 50_000.0, 20.0, end),
            Limited(past, 10.0, 20.0, end),
            Limited(past, 10.0, 0.0, float(past.known_until + 1_000 * DAY)),
        ],
        3,
    )
    assert tight is not None
    assert tight.probability > 0.95
    expected = datetime.fromtimestamp(past.known_until, UTC) + timedelta(days=2)
    assert tight.date is not None
    assert abs(tight.date - expected) < timedelta(hours=4)
    assert ample is not None
    assert (ample.probability, ample.date) == (0.0, None)
    assert gone is not None
    assert gone.probability == 1.0
    assert endless is None


def test_what_is_far_away_is_looked_ahead_to_by_days_if_enough_are_known() -> None:
    assert pace_until(8 * DAY, 0, FEWEST_DAYS) is Pace.DAY
    assert pace_until(8 * DAY, 0, FEWEST_DAYS - 1) is Pace.HOUR
    assert pace_until(7 * DAY, 0, 100) is Pace.HOUR


@pytest.mark.parametrize(
    ("period", "began", "ends"),
    [
        (Period.HOUR, datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (Period.DAY, datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (Period.MONTH, datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_periods_are_those_of_budgets(period: Period, began: datetime, ends: datetime) -> None:
    now = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert present(period, now) == (began, ends)
    assert present(period, ends)[0] == ends


def test_a_total_never_ends() -> None:
    now = datetime(2026, 2, 3, tzinfo=UTC)
    assert present(Period.TOTAL, now) == (datetime.fromtimestamp(0, UTC), now + AHEAD)
    assert present(Period.MONTH, now)[1] == datetime(2026, 3, 1, tzinfo=UTC)
