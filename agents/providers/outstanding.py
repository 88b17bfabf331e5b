"""The calls submitted and not yet ended, and the one alarm each of them may have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from agents.providers.alarms import Alarms
from agents.providers.flight import Flight

ALARM_INSTANT_SECONDS = 0.005  # how late a timeout, a pause or a deadline may be noticed

Token = TypeVar("Token")


class Outstanding(Generic[Token]):
    """Flights by identity; a flight answered at once never enters."""

    def __init__(self) -> None:
        self._flights: set[Flight[Token]] = set()
        self._alarms: Alarms[Flight[Token]] = Alarms(ALARM_INSTANT_SECONDS)
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        return len(self._flights)

    def __iter__(self) -> Iterator[Flight[Token]]:
        return iter(self._flights)

    def add(self, flight: Flight[Token]) -> None:
        """Keep this flight; does nothing when it is kept already."""
        self._flights.add(flight)
        self._none.clear()

    def remove(self, flight: Flight[Token]) -> None:
        """Let go of a flight that has ended, whether kept or not, and of its alarm."""
        self.disarm(flight)
        self._flights.discard(flight)
        if not self._flights:
            self._none.set()

    async def none(self) -> None:
        """Wait until no flight is left."""
        await self._none.wait()

    def arm(self, flight: Flight[Token], seconds: float, callback: Callable[[Flight[Token]], None]) -> None:
        """Call back after this many seconds, instead of what the flight's alarm was for before."""
        self.disarm(flight)
        flight.alarm = self._alarms.set(max(0.0, seconds), flight, callback)

    def disarm(self, flight: Flight[Token]) -> None:
        """Do not call back for this flight."""
        if flight.alarm is not None:
            self._alarms.drop(flight.alarm, flight)
            flight.alarm = None
