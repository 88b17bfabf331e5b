"""Timestamps as people write them in ISO 8601: read, and written again in the same form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

SHAPE = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2}|\d{8}|\d{4}-?W\d{2}-?\d|\d{4}-?W\d{2}|\d{4}-\d{3}|\d{4}-\d{2}|\d{4})"
    r"(?:(?P<separator>[T t_])(?P<time>\d{2}(?::?\d{2}(?::?\d{2}(?P<fraction>[.,]\d{1,9})?)?)?)"
    r"\s?(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?"
)
DATES = (
    (r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"),
    (r"\d{8}", "%Y%m%d"),
    (r"\d{4}-W\d{2}-\d", "%G-W%V-%u"),
    (r"\d{4}W\d{2}\d", "%GW%V%u"),
    (r"\d{4}-W\d{2}", "%G-W%V"),
    (r"\d{4}W\d{2}", "%GW%V"),
    (r"\d{4}-\d{3}", "%Y-%j"),
    (r"\d{4}-\d{2}", "%Y-%m"),
    (r"\d{4}", "%Y"),
)
TIMES = {2: "%H", 4: "%H%M", 6: "%H%M%S"}
MICROSECONDS = 6


@dataclass(frozen=True, slots=True)
class Form:
    """How a timestamp was written.

    Attributes:
        date: Format of the date.
        separator: Between date and time; empty where there is no time.
        time: Format of the time, without fractions.
        mark: The decimal mark; empty where there are no fractions.
        digits: Of the fraction.
        zone: As written; empty where there is none.
        offset: What the zone means; None where there is none.
    """

    date: str
    separator: str = ""
    time: str = ""
    mark: str = ""
    digits: int = 0
    zone: str = ""
    offset: timedelta | None = None

    def write(self, moment: datetime) -> str:
        """Write a moment, of which the form cannot say more than it has places for."""
        text = moment.strftime(self.date)
        if self.separator:
            text += self.separator + moment.strftime(self.time)
        if self.mark:
            text += self.mark + f"{moment.microsecond:06d}".ljust(self.digits, "0")[: self.digits]
        return text + self.zone


@dataclass(frozen=True, slots=True)
class Stamp:
    """A timestamp: the moment on the clock that it was read from, and its form."""

    wall: datetime
    form: Form

    @property
    def text(self) -> str:
        """As it was written."""
        return self.form.write(self.wall)

    def shifted(self, offset: timedelta) -> datetime:
        """Return the moment on a clock of another zone."""
        assert self.form.offset is not None
        return self.wall - self.form.offset + offset


def read_stamp(text: str) -> Stamp | None:
    """Read a timestamp: a date, a week, a month, a year, or a date with a time; None where it is none of them."""
    found = SHAPE.fullmatch(text.strip())
    if found is None:
        return None
    date = next(form for shape, form in DATES if re.fullmatch(shape, found["date"]))
    whole, form = found["date"], date
    if form.endswith("%V"):  # a week alone means its Monday
        whole, form = f"{whole} 1", f"{form} %u"
    fraction, time = found["fraction"] or "", ""
    if found["separator"]:
        clock = found["time"].removesuffix(fraction)
        time = TIMES[len(clock.replace(":", ""))]
        if ":" in clock:
            time = time.replace("%M", ":%M").replace("%S", ":%S")
        whole, form = f"{whole} {clock}", f"{form} {time}"
    try:
        wall = datetime.strptime(whole, form)  # noqa: DTZ007 - the offset is kept beside it
        offset = _offset(found["zone"] or "")
    except ValueError:
        return None
    wall += timedelta(microseconds=int(fraction[1:].ljust(MICROSECONDS, "0")[:MICROSECONDS] or 0))
    return Stamp(
        wall,
        Form(
            date, found["separator"] or "", time, fraction[:1], max(0, len(fraction) - 1), found["zone"] or "", offset
        ),
    )


def _offset(zone: str) -> timedelta | None:
    if not zone:
        return None
    if zone in "Zz":
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(offset if zone[0] == "+" else -offset).utcoffset(None)  # refuses more than a day
