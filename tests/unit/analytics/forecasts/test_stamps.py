from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.analytics.forecasts.stamps import read_stamp
from tests.unit.analytics.forecasts.made import moment

FORMS = (
    "2024",
    "2024-02",
    "2024-02-29",
    "20240229",
    "2024-060",
    "2024-W09",
    "2024W09",
    "2024-W09-4",
    "2024W094",
    "2024-02-29T14",
    "2024-02-29T14Z",
    "2024-02-29 14:30",
    "2024-02-29T14:30:15",
    "2024-02-29t14:30:15z",
    "2024-02-29T14:30:15.125+02:00",
    "2024-02-29T14:30:15,125000-0330",
    "2024-02-29 14:30:15.123456789+05",
    "20240229T143015Z",
    "20240229T1430",
)


@pytest.mark.parametrize("text", [form for form in FORMS if "789" not in form])
def test_what_is_read_is_written_in_the_same_form(text: str) -> None:
    stamp = read_stamp(text)
    assert stamp is not None
    assert stamp.text == text
    assert stamp.wall.year == 2024


def test_nanoseconds_are_kept_as_microseconds() -> None:
    stamp = read_stamp("2024-02-29 14:30:15.123456789+05")
    assert stamp is not None
    assert stamp.wall == moment("2024-02-29T14:30:15.123456")
    assert stamp.text == "2024-02-29 14:30:15.123456000+05"


@pytest.mark.parametrize(
    "text", ["", "x", "2024-13-01", "2024-02-30", "29.02.2024", "2024-02-29T25:00", "2024-02-29T14:00+30:00", "12:00"]
)
def test_what_is_no_timestamp_is_none(text: str) -> None:
    assert read_stamp(text) is None


def test_zones_are_told_apart() -> None:
    stamp = read_stamp("2024-02-29T14:30:15-03:30")
    assert stamp is not None
    assert stamp.form.offset == -timedelta(hours=3, minutes=30)
    assert stamp.shifted(timedelta(0)) == moment("2024-02-29T18:00:15")


@given(st.datetimes(moment("1000-01-01")))
def test_every_moment_comes_back(when: datetime) -> None:
    stamp = read_stamp(when.isoformat())
    assert stamp is not None
    assert (stamp.wall, stamp.text) == (when, when.isoformat())
