from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.governance.budgets.periods import renews_at, start_of
from schemas.policy import Period

NOON = datetime(2026, 12, 31, 12, 34, 56, 700_000, UTC).timestamp()


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period.HOUR, at(2026, 12, 31, 12), at(2026, 12, 31, 13)),
        (Period.DAY, at(2026, 12, 31), at(2027, 1, 1)),
        (Period.MONTH, at(2026, 12, 1), at(2027, 1, 1)),
        (Period.TOTAL, 0, None),
    ],
)
def test_periods_begin_at_full_hours_days_and_months(period: Period, start: int, end: int | None) -> None:
    assert start_of(period, NOON) == start
    assert renews_at(period, NOON) == end
    assert start_of(period, start) == start
    if end is not None:
        assert start_of(period, end - 0.001) == start
        assert start_of(period, end) == end


def test_february_of_a_leap_year_has_its_day() -> None:
    assert renews_at(Period.MONTH, at(2028, 2, 29, 23)) == at(2028, 3, 1)
