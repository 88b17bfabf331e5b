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
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tests.servers.behaviour import Behaviour, Hangup, ReceivedCall, ServerReply, answer_or_fail
from tests.servers.call_log import CallLog, LoggedCall
from tests.servers.connection import HttpConnection

PATH = "/v1/chat/completions"
HOST = "127.0.0.1"


class _Asked(msgspec.Struct):
    model: str = ""


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
        self._open: set[HttpConnection] = set()
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

    def _connect(self) -> HttpConnection:
        self.connections += 1
        return HttpConnection(self._handle, self._open)

    async def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> ServerReply | Hangup:
        if (method, path) != ("POST", PATH):
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
