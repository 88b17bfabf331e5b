"""Tying many requests to the one message they came in, and bounding how many are under way."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable


class Capacity:
    """How many requests a worker may hold; taking waits while it is full.

    A single taker may overshoot by its own batch: a batch larger than the limit must still pass.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._free = asyncio.Event()
        self._free.set()

    @classmethod
    def unbounded(cls) -> Capacity:
        """Return a capacity that never waits, where another bound holds already."""
        return cls(sys.maxsize)

    @property
    def used(self) -> int:
        """Return how many are held."""
        return self._used

    async def take(self, count: int) -> None:
        """Wait until the worker holds fewer than its limit, then hold `count` more."""
        await self._free.wait()
        self._used += count
        if self._used >= self._limit:
            self._free.clear()

    def give_back(self, count: int = 1) -> None:
        """Stop holding `count`."""
        self._used -= count
        if self._used < self._limit:
            self._free.set()


class BatchReceipt:
    """Acknowledges a message once every request in it is settled.

    Args:
        pending: Requests in the message; with 0 it is acknowledged at once by `close`.
        acknowledge: Called once.
        capacity: Given back one by one as requests are settled.
    """

    __slots__ = ("_acknowledge", "_capacity", "_pending")

    def __init__(self, pending: int, acknowledge: Callable[[], object], capacity: Capacity) -> None:
        self._pending = pending
        self._acknowledge = acknowledge
        self._capacity = capacity

    def settle(self) -> None:
        """Settle one request."""
        self._pending -= 1
        self._capacity.give_back()
        if self._pending == 0:
            self._acknowledge()

    def close(self) -> None:
        """Acknowledge a message that holds nothing to settle."""
        if self._pending == 0:
            self._acknowledge()
