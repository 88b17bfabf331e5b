"""Moments as people type them: a date, a time, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

AGO = re.compile(r"(\d+)([smhdw])")
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
"""In seconds."""


class Span(click.ParamType):
    """A length of time such as `90m`, `12h` or `7d`, in seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the seconds."""
        if isinstance(value, int):
            return value
        seconds = _seconds(value)
        if seconds is None:
            self.fail(f"{value!r} is no length of time; write one such as 90m, 12h or 7d", param, ctx)
        return seconds


class Moment(click.ParamType):
    """A moment such as `2026-11-26`, `2026-11-26T10:00`, or `7d` for seven days ago; UTC unless it says otherwise."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment, in UTC."""
        if isinstance(value, datetime):
            return value
        ago = _seconds(value)
        if ago is not None:
            return datetime.now(UTC) - timedelta(seconds=ago)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no moment; write one such as 2026-11-26, 2026-11-26T10:00 or 7d", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _seconds(value: str) -> int | None:
    found = AGO.fullmatch(value)
    return None if found is None else int(found[1]) * UNITS[found[2]]
