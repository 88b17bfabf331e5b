"""Moments as people type them: a date, a time, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

AGO = re.compile(r"(\d+)([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Span(click.ParamType):
    """A length of time such as `30m`, `4h` or `7d`."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return it."""
        if isinstance(value, timedelta):
            return value
        found = AGO.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is no length of time; write one such as 30m, 4h or 7d", param, ctx)
        return timedelta(**{UNITS[found[2]]: int(found[1])})


class Moment(click.ParamType):
    """A moment such as `2026-11-26`, `2026-11-26T10:00`, or `7d` for seven days ago; UTC unless it says otherwise."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment, in UTC."""
        if isinstance(value, datetime):
            return value
        ago = AGO.fullmatch(value)
        if ago is not None:
            return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no moment; write one such as 2026-11-26, 2026-11-26T10:00 or 7d", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
