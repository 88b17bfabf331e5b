"""When a provider wants to be asked again, as its headers say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

MS_PER_SECOND = 1000.0


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds a provider asks us to wait, or None.

    OpenAI's `retry-after-ms` is the finer one and comes first; `retry-after` holds seconds or a date (RFC 9110).

    Args:
        headers: Of the answer, by lower-case name.
        now: Unix seconds, to read dates.
    """
    milliseconds = number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / MS_PER_SECOND
    value = headers.get("retry-after")
    seconds = number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def number(value: str | None) -> float | None:
    """Return a header's non-negative finite number, or None."""
    try:
        found = float(value or "")
    except ValueError:
        return None
    return found if 0 <= found < float("inf") else None
