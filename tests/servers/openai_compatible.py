"""A loopback server that speaks OpenAI's chat completions, for integration tests, chaos tests and benchmarks.

Run it alone with `python -m tests.servers.openai_compatible --port 8900 --latency-ms 200 --failure-rate 0.05 --log
calls.jsonl`, or start `OpenAICompatibleServer` in a test with a behaviour of its own. It parses just enough HTTP/1.1
to serve several thousand calls a second, so that a benchmark measures the client.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tests.servers.behaviour import Behaviour, Hangup, ReceivedCall, ServerReply, answer_or_fail
from tests.servers.call_log import CallLog, LoggedCall

PATH = "/v1/chat/completions"
HEAD_END = b"\r\n\r\n"
HOST = "127.0.0.1"
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


class _Asked(msgspec.Struct):
    model: str = ""


class _Connection(asyncio.Protocol):
    """One keep-alive connection; calls on it are answered in order, one at a time."""

    def __init__(
        self,
        handle: Callable[[str, dict[str, str], bytes], Awaitable[ServerReply | Hangup]],
        register: set[_Connection],
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
        path = start.split(" ")[1]
        self._answering = asyncio.get_running_loop().create_task(self._answer(path, headers, body))

    async def _answer(self, path: str, headers: dict[str, str], body: bytes) -> None:
        reply = await self._handle(path, headers, body)
        if isinstance(reply, Hangup):
            self.abort()
            return
        fields = {"content-type": "application/json", "content-length": str(len(reply.body)), **reply.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        reason = REASONS.get(reply.status, "Status")
        first = len(reply.body) // 2 if reply.stall_seconds else len(reply.body)
        self._write(f"HTTP/1.1 {reply.status} {reason}\r\n{head}\r\n".encode("latin-1") + reply.body[:first])
        if reply.stall_seconds:
            await asyncio.sleep(reply.stall_seconds)
            self._write(reply.body[first:])
        self._answering = None
        self._next()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


class OpenAICompatibleServer:
    """The server, as an async context manager.

    Args:
        behaviour: What each call is answered with.
        log: Where each call received is appended; without one, they are kept in `calls`.
        port: 0 takes a free one; see `base_url`.

    Attributes:
        calls: What was received, when there is no log.
        connections: Opened so far.
        under_way: Calls being answered; `most_under_way` is the highest so far.
    """

    def __init__(self, behaviour: Behaviour, *, log: CallLog | None = None, port: int = 0) -> None:
        self._behaviour = behaviour
        self._log = log
        self._port = port
        self._server: asyncio.Server | None = None
        self.calls: list[ReceivedCall] = []
        self.connections = 0
        self._open: set[_Connection] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self.under_way = 0
        self.most_under_way = 0

    @property
    def base_url(self) -> str:
        """The URL up to and including `/v1`."""
        return f"http://{HOST}:{self._port}/v1"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._open):
            connection.abort()
        await self._server.wait_closed()

    async def quiet(self) -> None:
        """Wait until no call is being answered."""
        await self._quiet.wait()

    def _connect(self) -> _Connection:
        self.connections += 1
        return _Connection(self._handle, self._open)

    async def _handle(self, path: str, headers: dict[str, str], body: bytes) -> ServerReply | Hangup:
        if path != PATH:
            return ServerReply(404, b'{"error": {"type": "not_found", "code": "unknown_path"}}')
        request_id, _, attempt = headers.get("x-request-id", "").rpartition("/")
        model = msgspec.json.decode(body, type=_Asked).model
        call = ReceivedCall(request_id, int(attempt or 0), model, headers, body)
        reply = self._behaviour(call)
        status = 0 if isinstance(reply, Hangup) else reply.status
        if self._log is None:
            self.calls.append(call)
        else:
            self._log.append(LoggedCall(time.time(), request_id, call.attempt, model, status))
        self._quiet.clear()
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if reply.delay_seconds:
                await asyncio.sleep(reply.delay_seconds)
        finally:
            self.under_way -= 1
            if not self.under_way:
                self._quiet.set()
        return reply


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    behaviour = answer_or_fail(latency_seconds=options.latency_ms / 1000, failure_rate=options.failure_rate)
    async with AsyncExitStack() as open_things:
        log = open_things.enter_context(CallLog(options.log)) if options.log else None
        server = OpenAICompatibleServer(behaviour, log=log, port=options.port)
        await open_things.enter_async_context(server)
        print(f"listening on {server.base_url}", flush=True)  # noqa: T201 -- a starter waits for this line
        await stop.wait()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and prints it")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="time to each answer")
    parser.add_argument(
        "--failure-rate", type=float, default=0.0, help="share of calls answered 429, 500 or not at all"
    )
    parser.add_argument("--log", type=Path, help="append one JSON line per call received")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
