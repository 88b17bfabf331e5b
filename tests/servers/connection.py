"""Just enough HTTP/1.1 to serve several thousand calls a second, so that a benchmark measures the client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.servers.behaviour import Hangup, ServerReply

HEAD_END = b"\r\n\r\n"
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}

Handle = Callable[[str, str, dict[str, str], bytes], Awaitable[ServerReply | Hangup]]
"""Answers a method and a path, with the headers by lower-case name and the body."""


class HttpConnection(asyncio.Protocol):
    """One keep-alive connection; calls on it are answered in order, one at a time."""

    def __init__(
        self,
        handle: Handle,
        register: set[HttpConnection],
    ) -> None:
        self._register = register
        self._handle = handle
        self._received = bytearray()
        self._answering: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._register.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._register.discard(self)
        if self._answering is not None:
            self._answering.cancel()

    def abort(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._next()

    def _next(self) -> None:
        if self._answering is not None:
            return
        head_end = self._received.find(HEAD_END)
        if head_end < 0:
            return
        start, *lines = self._received[:head_end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body_start = head_end + len(HEAD_END)
        body_end = body_start + int(headers.get("content-length", "0"))
        if len(self._received) < body_end:
            return
        body = bytes(self._received[body_start:body_end])
        del self._received[:body_end]
        method, path, _ = start.split(" ", 2)
        self._answering = asyncio.get_running_loop().create_task(self._answer(method, path, headers, body))

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        reply = await self._handle(method, path, headers, body)
        if isinstance(reply, Hangup):
            self.abort()
            return
        fields = {"content-type": "application/json", "content-length": str(len(reply.body)), **reply.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        reason = REASONS.get(reply.status, "Status")
        cuts = reply.stall_seconds or reply.breaks_off
        first = len(reply.body) // 2 if cuts else len(reply.body)
        self._write(f"HTTP/1.1 {reply.status} {reason}\r\n{head}\r\n".encode("latin-1") + reply.body[:first])
        if reply.breaks_off:
            if self._transport is not None:
                self._transport.close()  # sends what was written, then ends
            return
        if reply.stall_seconds:
            await asyncio.sleep(reply.stall_seconds)
            self._write(reply.body[first:])
        self._answering = None
        self._next()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
