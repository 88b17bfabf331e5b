"""Tying many requests to the one message they came in, and bounding how many are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Capacity:
    """How many requests a worker may hold; taking waits while it is full.

    A single taker may overshoot by its own batch: a batch larger than the limit must still pass. What is held when
    the partitions go is never settled; `reset` starts a new epoch, and what belongs to an old one no longer counts.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._epoch = 0
        self._free = asyncio.Event()
        self._free.set()

    @property
    def used(self) -> int:
        """Return how many are held."""
        return self._used

    @property
    def epoch(self) -> int:
        """Return the present epoch."""
        return self._epoch

    async def take(self, count: int) -> bool:
        """Wait until the worker holds fewer than its limit, then hold `count` more.

        Returns:
            False when the epoch ended while waiting; nothing is held then.
        """
        epoch = self._epoch
        await self._free.wait()
        if epoch != self._epoch:
            return False
        self._used += count
        if self._used >= self._limit:
            self._free.clear()
        return True

    def give_back(self, epoch: int, count: int = 1) -> None:
        """Stop holding `count` of an epoch."""
        if epoch != self._epoch:
            return
        self._used -= count
        if self._used < self._limit:
            self._free.set()

    def reset(self) -> None:
        """Hold nothing, and begin a new epoch."""
        self._epoch += 1
        self._used = 0
        self._free.set()


class BatchReceipt:
    """Acknowledges a message once every request in it is settled.

    Args:
        pending: Requests in the message; with 0 it is acknowledged at once by `close`.
        acknowledge: Called once.
        capacity: Given back as requests are settled.
    """

    __slots__ = ("_acknowledge", "_capacity", "_epoch", "_pending")

    def __init__(self, pending: int, acknowledge: Callable[[], object], capacity: Capacity) -> None:
        self._pending = pending
        self._acknowledge = acknowledge
        self._capacity = capacity
        self._epoch = capacity.epoch

    def settle(self, count: int = 1) -> None:
        """Settle so many requests of the message, which must have them."""
        self._pending -= count
        self._capacity.give_back(self._epoch, count)
        if self._pending == 0:
            self._acknowledge()

    def close(self) -> None:
        """Acknowledge a message that holds nothing to settle."""
        if self._pending == 0:
            self._acknowledge()
