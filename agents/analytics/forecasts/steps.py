"""The step between the points of a regular series: seconds, working days or months."""

from __future__ import annotations

import calendar
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from schemas.errors import ConfigurationError

DAY = 86_400
WEEK = 7 * DAY
WORKING_DAYS = 5
MONTHS = 12
SHORTEST_MONTH = 28 * DAY
LONGEST_DAY_OF_MONTH = 31
ENOUGH_DAYS = 10
JITTER = 0.25
TOLERATED = 0.05
MAX_GRID = 2_000_000
REGULAR = "sum or average it by hour, day or month first"


@dataclass(frozen=True, slots=True)
class Step:
    """How far it is from one point to the next; one of three kinds.

    Attributes:
        seconds: Between points, where it is always the same; else 0.
        months: Between points, where it goes by the calendar; else 0.
        anchor: The day of the month that every point falls on, or the month's last where it is shorter.
    """

    seconds: float = 0.0
    months: int = 0
    anchor: int = 1

    @property
    def working_days(self) -> bool:
        """Whether it goes from Monday to Friday."""
        return not self.seconds and not self.months

    def after(self, start: datetime, steps: int) -> datetime:
        """Return the point so many steps later."""
        if self.months:
            month = start.year * MONTHS + start.month - 1 + steps * self.months
            year, month = month // MONTHS, month % MONTHS + 1
            day = min(self.anchor, calendar.monthrange(year, month)[1])
            return start.replace(year=year, month=month, day=day)
        if self.working_days:
            monday = start - timedelta(days=start.weekday())
            weeks, day = divmod(start.weekday() + steps, WORKING_DAYS)
            return monday + timedelta(weeks=weeks, days=day)
        return start + timedelta(seconds=steps * self.seconds)

    def between(self, start: datetime, end: datetime) -> float:
        """Return how many steps it is from a point to a moment; months are counted whole."""
        if self.months:
            return ((end.year - start.year) * MONTHS + end.month - start.month) / self.months
        if self.working_days:
            days = (end.date() - start.date()).days
            weeks, rest = divmod(start.weekday() + days, 7)
            return weeks * WORKING_DAYS + min(rest, WORKING_DAYS) - start.weekday()
        return (end - start).total_seconds() / self.seconds


def find_step(moments: Sequence[datetime]) -> Step:
    """Find the step of moments in order of time, no two of them equal.

    Raises:
        ConfigurationError: There is but one, or they keep no step.
    """
    if len(moments) < 2:
        raise ConfigurationError("timestamp: one point alone has no step to go on by; give two points or more")
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    months = _months(moments) if min(gaps) >= SHORTEST_MONTH else None
    if months is not None:
        return months
    seconds = min(statistics.multimode(gaps))
    if seconds == DAY and len(moments) >= ENOUGH_DAYS and all(each.weekday() < WORKING_DAYS for each in moments):
        return Step()
    return Step(seconds=seconds)


def places(moments: Sequence[datetime], step: Step) -> list[int]:
    """Return the places of moments on the grid of a step, from 0.

    Raises:
        ConfigurationError: They do not lie on it.
    """
    found, off = [], 0
    for moment in moments:
        exact = step.between(moments[0], moment)
        place = round(exact)
        off += abs(exact - place) > JITTER
        found.append(place)
    if off > TOLERATED * len(moments) or len(set(found)) < len(found):
        raise ConfigurationError(f"timestamp: the points keep no regular step; {REGULAR}")
    if found[-1] >= MAX_GRID:
        raise ConfigurationError(
            f"timestamp: at the step of {step.seconds:g} s that most points keep there would be {found[-1]:,}, and "
            f"nearly all are missing; {REGULAR}"
        )
    return found


def _months(moments: Sequence[datetime]) -> Step | None:
    anchor = max(moment.day for moment in moments)
    lengths = [calendar.monthrange(moment.year, moment.month)[1] for moment in moments]
    if all(moment.day == length for moment, length in zip(moments, lengths, strict=True)):
        anchor = LONGEST_DAY_OF_MONTH
    on_day = all(moment.day == min(anchor, length) for moment, length in zip(moments, lengths, strict=True))
    if not on_day or len({moment.time() for moment in moments}) > 1:
        return None
    numbers = [moment.year * MONTHS + moment.month for moment in moments]
    gaps = [later - earlier for earlier, later in pairwise(numbers)]
    return Step(months=math.gcd(*gaps), anchor=anchor)
