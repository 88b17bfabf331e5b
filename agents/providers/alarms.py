"""Thousands of alarms on few timers.

A loop timer costs a handle, a context and comparisons in a heap; with 1,000 calls in flight there would be two for
each call, most of them cancelled. Alarms due in the same instant share one timer instead, and are set and dropped
like keys of a dict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class Alarms(Generic[Item]):
    """Calls back for items, in the order they were set for the same instant; never early.

    Args:
        instant_seconds: Width of an instant: an alarm may ring that much late.
    """

    def __init__(self, instant_seconds: float) -> None:
        self._instant_seconds = instant_seconds
        self._due: dict[int, dict[Item, Callable[[Item], None]]] = {}

    def set(self, seconds: float, item: Item, callback: Callable[[Item], None]) -> int:
        """Call back with the item after this many seconds; returns the instant, with which it can be dropped."""
        loop = asyncio.get_running_loop()
        instant = int((loop.time() + seconds) / self._instant_seconds) + 1
        due = self._due.get(instant)
        if due is None:
            due = self._due[instant] = {}
            loop.call_at(instant * self._instant_seconds, self._ring, instant)
        due[item] = callback
        return instant

    def drop(self, instant: int, item: Item) -> None:
        """Do not call back for this item; does nothing when that has happened already."""
        due = self._due.get(instant)
        if due is not None:
            due.pop(item, None)

    def _ring(self, instant: int) -> None:
        due = self._due[instant]
        while due:  # a callback may set an alarm for this very instant
            for item in list(due):
                callback = due.pop(item, None)
                if callback is not None:  # else dropped by a callback before it
                    callback(item)
        del self._due[instant]
