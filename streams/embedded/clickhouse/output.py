"""The way of a result from the thread that runs the query to the event loop that sends it, with backpressure."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO

from streams.embedded.clickhouse.config import KIB, MIB
from streams.embedded.clickhouse.errors import ClientGone

_HIGH_WATER_BYTES = 8 * MIB
_HOLD_SECONDS = 0.1
_SPOOL_MEMORY_BYTES = 8 * MIB
_SPOOL_CHUNK_BYTES = 256 * KIB


class OutputChannel:
    """A bounded queue of byte chunks: one thread writes, one event loop reads.

    Nothing is passed on before `hold_bytes` have come together or the query has run for a moment, so that an
    error up to then still gets its own status code. `hold_everything` keeps all of it back, on disk when it is
    big (`wait_end_of_query`).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, hold_bytes: int, hold_everything: bool, spool: Path) -> None:
        self._loop = loop
        self._hold_bytes = hold_bytes
        self._spool: IO[bytes] | None = None
        if hold_everything:
            self._spool = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed when it is replayed
                max_size=_SPOOL_MEMORY_BYTES, dir=str(spool)
            )
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._hold_until = time.monotonic() + _HOLD_SECONDS
        self._chunks: deque[bytes] = deque()
        self._queued_bytes = 0
        self._room = threading.Condition()
        self._ready = asyncio.Event()
        self._gone = False
        self._closed = False
        self.started = False

    def write(self, data: bytes) -> None:
        """Called by the query's thread; blocks while the client is slower than the engine.

        Raises:
            ClientGone: The client went away, so there is no point in going on.
        """
        if self._spool is not None:
            if self._gone:
                raise ClientGone
            self._spool.write(data)
            return
        if self.started:
            self._enqueue(data)
            return
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= self._hold_bytes or time.monotonic() >= self._hold_until:
            self._release()

    def finish(self) -> None:
        """Called by the query's thread when the result is complete."""
        if self._spool is not None:
            self._replay(self._spool)
        if not self.started:
            # complete and small: the loop takes it in one go, with a Content-Length
            self._chunks.extend(self._held)
            self._held.clear()
        self._closed = True
        self._wake()

    def fail(self, trailer: bytes) -> None:
        """Called by the query's thread: it failed. When the response has begun, `trailer` says so in it."""
        if self.started and trailer:
            self._chunks.append(trailer)
        self._closed = True
        self._wake()

    def abandon(self) -> None:
        """Called by the loop: nobody reads any more."""
        with self._room:
            self._gone = True
            self._room.notify_all()

    @property
    def gone(self) -> bool:
        """Whether the client went away."""
        return self._gone

    async def first(self) -> bytes | None:
        """Wait until the result is complete (and return it) or a response has to begin (None)."""
        await self._ready.wait()
        if self.started:
            return None
        return b"".join(self._chunks)

    async def next(self) -> bytes | None:
        """The next chunk of a response that has begun; None after the last."""
        while not self._chunks:
            if self._closed:
                return None
            self._ready.clear()
            if self._chunks or self._closed:
                continue
            await self._ready.wait()
        with self._room:
            data = self._chunks.popleft()
            self._queued_bytes -= len(data)
            self._room.notify_all()
        return data

    def _release(self) -> None:
        self.started = True
        held, self._held = self._held, []
        self._enqueue(b"".join(held))

    def _replay(self, spool: IO[bytes]) -> None:
        self._spool = None
        spool.seek(0)
        with spool:
            while data := spool.read(_SPOOL_CHUNK_BYTES):
                self.write(data)

    def _enqueue(self, data: bytes) -> None:
        with self._room:
            while self._queued_bytes > _HIGH_WATER_BYTES and not self._gone:
                self._room.wait()
            if self._gone:
                raise ClientGone
            self._chunks.append(data)
            self._queued_bytes += len(data)
        self._wake()

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._ready.set)
