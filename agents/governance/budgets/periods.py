"""When the periods of budgets begin and end, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from schemas.policy import Period

HOUR = 3600
DAY = 24 * HOUR
DECEMBER = 12
REMEMBERED_DAYS = 64


def start_of(period: Period, at: float) -> int:
    """Return when the period that holds a moment began; times are Unix seconds, and the total begins at 0."""
    whole = int(at)
    if period is Period.HOUR:
        return whole - whole % HOUR
    if period is Period.DAY:
        return whole - whole % DAY
    if period is Period.MONTH:
        return _month_of(whole - whole % DAY)
    return 0


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


@lru_cache(REMEMBERED_DAYS)
def _month_of(day: int) -> int:
    return int(datetime.fromtimestamp(day, UTC).replace(day=1).timestamp())


@lru_cache(REMEMBERED_DAYS)
def _month_after(start: int) -> int:
    begun = datetime.fromtimestamp(start, UTC)
    year, month = (begun.year + 1, 1) if begun.month == DECEMBER else (begun.year, begun.month + 1)
    return int(begun.replace(year=year, month=month).timestamp())
