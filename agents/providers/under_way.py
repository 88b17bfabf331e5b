"""The attempts under way: each is seen through to its end, and no longer than its timeout and deadline allow.

An attempt that was cut lands only when the provider has really stopped, so that its slot is never given away early;
and an answer that came in spite of the cut was paid for and counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

from agents.providers.flight import Cut, Flight
from agents.providers.outstanding import Outstanding

Token = TypeVar("Token")


class UnderWay(Generic[Token]):
    """Attempts that were not answered at once.

    Args:
        outstanding: Keeps the flights and their alarms.
        landed: Gets a flight and what its attempt brought: what the provider returned, or what it raised.
    """

    def __init__(self, outstanding: Outstanding[Token], landed: Callable[[Flight[Token], Any], None]) -> None:
        self._outstanding = outstanding
        self._on_landed = landed
        self._attempts = 0
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        return self._attempts

    async def none(self) -> None:
        """Wait until no attempt is under way."""
        await self._none.wait()

    def watch(self, flight: Flight[Token], attempt: asyncio.Future[Any], timeout_seconds: float, now: float) -> None:
        """See this attempt through to its end."""
        self._attempts += 1
        self._none.clear()
        self._outstanding.add(flight)
        flight.under_way = attempt
        flight.cut = None
        seconds_left = flight.seconds_left(now)
        if seconds_left <= timeout_seconds:
            self._outstanding.arm(flight, seconds_left, _cut_at_deadline)
        else:
            self._outstanding.arm(flight, timeout_seconds, _cut_at_timeout)
        attempt.add_done_callback(partial(self._landed, flight))

    def _landed(self, flight: Flight[Token], attempt: asyncio.Future[Any]) -> None:
        self._outstanding.disarm(flight)
        flight.under_way = None
        self._attempts -= 1
        if not self._attempts:
            self._none.set()
        raised = asyncio.CancelledError() if attempt.cancelled() else attempt.exception()
        self._on_landed(flight, attempt.result() if raised is None else raised)


def _cut_at_deadline(flight: Flight[Any]) -> None:
    flight.stop(Cut.DEADLINE)


def _cut_at_timeout(flight: Flight[Any]) -> None:
    flight.stop(Cut.TIMEOUT)
