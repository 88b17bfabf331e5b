"""A regular series, made of points as they were given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agents.analytics.forecasts.methods.method import Floats
from agents.analytics.forecasts.periods import natural_periods
from agents.analytics.forecasts.stamps import Form, Stamp
from agents.analytics.forecasts.steps import Step, find_step, places
from schemas.errors import ConfigurationError

HALF = 0.5
NEARLY_A_DAY = timedelta(hours=20)


class Gaps(StrEnum):
    """What it means that there is no point where one should be."""

    AUTO = "auto"
    ZERO = "zero"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Point:
    """One point as it was given.

    Attributes:
        stamp: When.
        value: How much; not a number where it is unknown.
        place: Where it stands, for errors.
    """

    stamp: Stamp
    value: float
    place: str


@dataclass(frozen=True, slots=True)
class Series:
    """A regular series.

    Attributes:
        values: One per step; not a number where it is unknown. The first is known.
        start: The moment of the first.
        step: From each to the next.
        form: How moments are written.
        filled: How many values are zero because there was no point.
    """

    values: Floats
    start: datetime
    step: Step
    form: Form
    filled: int = 0

    @property
    def periods(self) -> tuple[int, ...]:
        """The seasons that a series of this step may have, in steps, the most usual first."""
        return natural_periods(self.step)

    def moment(self, ahead: int) -> datetime:
        """Return the moment so many steps after the last value."""
        return self.step.after(self.start, len(self.values) - 1 + ahead)

    def stamp(self, ahead: int) -> str:
        """Return that moment as it is written in this series."""
        return self.form.write(self.moment(ahead))


def regular(points: Sequence[Point], gaps: Gaps = Gaps.AUTO) -> Series:
    """Make a regular series of points in any order.

    A point given twice with one value counts once. A value that is not a number is unknown. Where there is no point
    at all the value is unknown too, unless most points are missing and all that are there are above zero: usage
    summed by hour has no row for an hour without any, so zero is meant then.

    Raises:
        ConfigurationError: A point is given twice with two values, the points keep no step, or no value is known.
    """
    moments, form = _moments(points)
    known: dict[datetime, Point] = {}
    for moment, point in sorted(zip(moments, points, strict=True), key=lambda pair: pair[0]):
        earlier = known.setdefault(moment, point)
        if math.isnan(earlier.value):
            known[moment] = point
        elif not math.isnan(point.value) and point.value != earlier.value:
            raise ConfigurationError(
                f"{point.place}: timestamp {point.stamp.text} has the value {point.value:g} and, at {earlier.place}, "
                f"{earlier.value:g}; give one value for each timestamp, such as their sum"
            )
    if all(math.isnan(point.value) for point in known.values()):
        raise ConfigurationError("value: none is known; give some")
    order = list(known)
    step = find_step(order)
    grid = places(order, step)
    values = np.full(grid[-1] + 1, np.nan)
    present = np.zeros(len(values), bool)
    for place, point in zip(grid, known.values(), strict=True):
        values[place], present[place] = point.value, True
    filled = 0
    if gaps is Gaps.ZERO or (gaps is Gaps.AUTO and _zeros_left_out(values, present)):
        filled = int((~present).sum())
        values[~present] = 0.0
    first = int(np.flatnonzero(~np.isnan(values))[0])
    return Series(values[first:], step.after(order[0], first), step, form, filled)


def _moments(points: Sequence[Point]) -> tuple[list[datetime], Form]:
    offsets = {point.stamp.form.offset for point in points}
    if None in offsets and len(offsets) > 1:
        odd = next(point for point in points if point.stamp.form.offset is None)
        raise ConfigurationError(
            f"{odd.place}: timestamp {odd.stamp.text} has no time zone while others of the series have one; "
            "give all of them one, or none"
        )
    walls = [point.stamp.wall for point in points]
    latest = max(points, key=_detail)
    if len(offsets) == 1:
        return walls, latest.stamp.form
    days = sorted(set(walls))
    if len(days) > 1 and min(b - a for a, b in pairwise(days)) >= NEARLY_A_DAY:
        return walls, latest.stamp.form  # days begin by the clock on the wall, also when it is put forward or back
    offset = latest.stamp.form.offset
    assert offset is not None
    return [point.stamp.shifted(offset) for point in points], latest.stamp.form


def _detail(point: Point) -> tuple[int, int, datetime]:
    """How much a point's form can say, and how late it is."""
    form = point.stamp.form
    return len(form.time), form.digits, point.stamp.wall - (form.offset or timedelta(0))


def _zeros_left_out(values: Floats, present: NDArray[np.bool_]) -> bool:
    """Whether what is missing is most of it, and what is there says nothing against its being zero."""
    there = values[present]
    return bool(present.mean() < HALF and np.all(there[~np.isnan(there)] > 0))
