"""How far the figures in ClickHouse are complete: `asahi.minutes`."""

from __future__ import annotations

from pydantic import AwareDatetime

from schemas.model import Event


class MinuteClosed(Event):
    """Every result of a minute is in ClickHouse, and whether the system was up during it is known.

    Attributes:
        version: Of this contract.
        id: The minute.
        start: When it began.
        up: Whether the system could have answered during all of it: where it was not, no requests are no news.
        closed_at: When that was found.
    """

    id: str
    start: AwareDatetime
    up: bool
    closed_at: AwareDatetime
