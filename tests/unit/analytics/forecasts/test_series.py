from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.analytics.forecasts.periods import natural_periods
from agents.analytics.forecasts.series import Gaps, regular
from agents.analytics.forecasts.steps import Step, find_step, places
from schemas.errors import ConfigurationError
from tests.unit.analytics.forecasts.made import moment, points

STEPS = st.one_of(
    st.builds(Step, seconds=st.sampled_from([1.0, 300.0, 3_600.0, 86_400.0, 604_800.0])),
    st.builds(Step, months=st.sampled_from([1, 3, 12]), anchor=st.sampled_from([1, 15, 28])),
)


@given(STEPS, st.integers(2, 40))
def test_the_step_of_regular_moments_is_found(step: Step, count: int) -> None:
    start = moment(f"2023-01-{step.anchor:02d}")
    grid = [step.after(start, place) for place in range(count)]
    found = find_step(grid)
    assert [found.after(start, place) for place in range(count, count + 20)] == [
        step.after(start, place) for place in range(count, count + 20)
    ]
    assert places(grid, found) == list(range(count))


def test_months_end_when_they_end() -> None:
    found = regular(points(("2024-01-31", 1), ("2024-02-29", 2), ("2024-03-31", 3), ("2024-04-30", 4)))
    assert [found.stamp(ahead) for ahead in (1, 2, 10)] == ["2024-05-31", "2024-06-30", "2025-02-28"]
    assert found.periods == (12,)


def test_quarters_and_years_go_by_the_calendar() -> None:
    quarters = regular(points(("2023-10", 1), ("2024-01", 2), ("2024-07", 3)))
    assert (quarters.stamp(1), quarters.periods, len(quarters.values)) == ("2024-10", (4,), 4)
    years = regular(points(("2020", 1), ("2021", 2)))
    assert (years.stamp(3), years.periods) == ("2024", ())


def test_working_days_skip_weekends() -> None:
    days = [moment("2024-01-01") + timedelta(days=day) for day in range(26)]
    worked = [day for day in days if day.weekday() < 5]
    found = regular(points(*((day.date().isoformat(), 1.0 + day.day) for day in worked)))
    assert (found.stamp(0), found.stamp(1), found.stamp(6)) == ("2024-01-26", "2024-01-29", "2024-02-05")
    assert found.periods == (5,)
    assert len(found.values) == len(worked)


def test_rows_may_come_in_any_order() -> None:
    found = regular(points(("2024-01-03", 3), ("2024-01-01", 1), ("2024-01-02", 2)))
    assert found.values.tolist() == [1, 2, 3]
    assert found.stamp(1) == "2024-01-04"


def test_moments_are_written_in_the_most_exact_form_of_their_series() -> None:
    found = regular(points(("2024-01-01T12:00", 1), ("2024-01-01T18:00", 2), ("2024-01-02", 3)))
    assert found.stamp(1) == "2024-01-02T06:00"


def test_a_missing_row_is_unknown_and_a_mostly_empty_one_is_zero() -> None:
    some = regular(points(("2024-01-01", 1), ("2024-01-02", 2), ("2024-01-04", 4)))
    assert np.isnan(some.values).tolist() == [False, False, True, False]
    most = [("2024-01-01", 1.0), ("2024-01-02", 2.0), ("2024-01-09", 4.0), ("2024-01-20", 3.0)]
    assert (regular(points(*most)).filled, regular(points(*most)).values[3]) == (16, 0.0)
    assert regular(points(*most), Gaps.UNKNOWN).filled == 0
    assert regular(points(("2024-01-01", 1), ("2024-01-02", 2), ("2024-01-04", 4)), Gaps.ZERO).values[2] == 0


def test_the_same_value_twice_is_one_and_an_unknown_one_gives_way() -> None:
    found = regular(points(("2024-01-01", 1), ("2024-01-01", 1), ("2024-01-02", math.nan), ("2024-01-02", 2)))
    assert found.values.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("2024-01-01", 1), ("2024-01-01", 2), ("2024-01-02", 2)], "line 3: timestamp 2024-01-01 has the value 2"),
        ([("2024-01-01", 1)], "one point alone"),
        ([("2024-01-01", math.nan), ("2024-01-02", math.nan)], "value: none is known"),
        ([("2024-01-01T00Z", 1), ("2024-01-01T01", 2)], "line 3: timestamp 2024-01-01T01 has no time zone"),
        ([("2024-01-01", 1), ("2024-01-01T07:13", 2), ("2024-01-03T19:01", 2), ("2024-01-05", 3)], "no regular step"),
        (
            [("1024-01-01T00:00:00", 1), ("1024-01-01T00:00:01", 2), ("2024-01-01T00:00:00", 2)],
            "nearly all are missing",
        ),
    ],
)
def test_what_is_wrong_is_named(pairs: list[tuple[str, float]], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        regular(points(*pairs))


def test_days_begin_by_the_clock_on_the_wall_and_hours_do_not() -> None:
    days = regular(
        points(("2024-03-30T00:00+01:00", 1), ("2024-03-31T00:00+01:00", 2), ("2024-04-01T00:00+02:00", 3))
    )
    assert (days.stamp(1), len(days.values)) == ("2024-04-02T00:00+02:00", 3)
    hours = regular(
        points(("2024-03-31T01:00+01:00", 1), ("2024-03-31T03:00+02:00", 2), ("2024-03-31T04:00+02:00", 3))
    )
    assert (hours.stamp(1), len(hours.values)) == ("2024-03-31T05:00+02:00", 3)


@pytest.mark.parametrize(
    ("step", "periods"),
    [
        (Step(seconds=3_600), (24, 168)),
        (Step(seconds=900), (96, 672)),
        (Step(seconds=86_400), (7, 365)),
        (Step(seconds=604_800), (52,)),
        (Step(seconds=30), (120, 2_880)),
        (Step(seconds=7), ()),
        (Step(months=6), (2,)),
        (Step(months=24), ()),
    ],
)
def test_seasons_follow_from_the_step(step: Step, periods: tuple[int, ...]) -> None:
    assert natural_periods(step) == periods
