"""When the periods of budgets begin and end, in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from schemas.policy import Period

HOUR = 3600
DAY = 24 * HOUR
DECEMBER = 12
REMEMBERED_HOURS = 64


def starts(at: float) -> Mapping[Period, int]:
    """Return when the periods that hold a moment began; times are Unix seconds, and the total begins at 0."""
    return _starts(int(at) // HOUR)


def start_of(period: Period, at: float) -> int:
    """Return when the period that holds a moment began."""
    return starts(at)[period]


def renews_at(period: Period, at: float) -> int | None:
    """Return when the next period begins; None for the total, which never ends."""
    start = start_of(period, at)
    if period is Period.HOUR:
        return start + HOUR
    if period is Period.DAY:
        return start + DAY
    if period is Period.MONTH:
        return _month_after(start)
    return None


@lru_cache(REMEMBERED_HOURS)
def _starts(hour: int) -> Mapping[Period, int]:
    begun = hour * HOUR
    day = begun - begun % DAY
    month = int(datetime.fromtimestamp(day, UTC).replace(day=1).timestamp())
    return {Period.HOUR: begun, Period.DAY: day, Period.MONTH: month, Period.TOTAL: 0}


@lru_cache(REMEMBERED_HOURS)
def _month_after(start: int) -> int:
    begun = datetime.fromtimestamp(start, UTC)
    year, month = (begun.year + 1, 1) if begun.month == DECEMBER else (begun.year, begun.month + 1)
    return int(begun.replace(year=year, month=month).timestamp())
