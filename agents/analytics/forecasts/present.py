"""The period of a budget that is under way, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schemas.policy import Period

AHEAD = timedelta(days=60)
"""How far a total is looked ahead, which never ends."""
DECEMBER = 12


def present(period: Period, now: datetime) -> tuple[datetime, datetime]:
    """Return when the present period began and when it ends; of a total, 1970 and some months from now."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.HOUR:
        hour = day.replace(hour=now.hour)
        return hour, hour + timedelta(hours=1)
    if period is Period.DAY:
        return day, day + timedelta(days=1)
    if period is Period.MONTH:
        began = day.replace(day=1)
        later = (began.year + 1, 1) if began.month == DECEMBER else (began.year, began.month + 1)
        return began, began.replace(year=later[0], month=later[1])
    return datetime.fromtimestamp(0, UTC), now + AHEAD
