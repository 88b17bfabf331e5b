"""The way of a request's body from the event loop to the thread that runs the query, with backpressure."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator

from streams.embedded.clickhouse.config import KIB, MIB
from streams.embedded.clickhouse.errors import ClientGone

_HIGH_WATER_BYTES = 8 * MIB
_CHUNK_BYTES = 512 * KIB


class BodyFeed:
    """A bounded queue of byte chunks: one event loop writes, one thread reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._chunks: deque[bytes] = deque()
        self._queued_bytes = 0
        self._arrived = threading.Condition()
        self._drained = asyncio.Event()
        self._ended = False
        self._broken = False
        self._unwanted = False

    async def feed(self, data: bytes) -> bool:
        """Pass on a chunk, waiting while the thread is behind. False: the thread wants no more."""
        with self._arrived:
            self._chunks.append(data)
            self._queued_bytes += len(data)
            self._arrived.notify()
        while self._queued_bytes > _HIGH_WATER_BYTES and not self._unwanted:
            self._drained.clear()
            await self._drained.wait()
        return not self._unwanted

    def end(self, broken: bool = False) -> None:
        """Called by the loop: the body is complete, or broken off."""
        with self._arrived:
            self._ended = True
            self._broken = broken
            self._arrived.notify()

    def discard(self) -> None:
        """Called by the thread: it is done, whatever else comes."""
        self._unwanted = True
        self._loop.call_soon_threadsafe(self._drained.set)

    def __iter__(self) -> Iterator[bytes]:
        """The body in chunks that are worth a call into the engine.

        Raises:
            ClientGone: The client broke off in the middle of the body.
        """
        while True:
            with self._arrived:
                while not self._ended and self._queued_bytes < _CHUNK_BYTES:
                    self._arrived.wait()
                if self._broken:
                    raise ClientGone
                chunks, self._chunks = self._chunks, deque()
                self._queued_bytes = 0
                ended = self._ended
            self._loop.call_soon_threadsafe(self._drained.set)
            if chunks:
                yield chunks[0] if len(chunks) == 1 else b"".join(chunks)
            if ended:
                return
