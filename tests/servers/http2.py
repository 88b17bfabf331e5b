"""A loopback server that speaks HTTP/2 in the clear, to clients that know so beforehand, with the same answer to all.

Run it alone with `python -m tests.servers.http2 --latency-ms 200`; with `--http1` it gives the same over HTTP/1.1.
"""

from __future__ import annotations

import argparse
import asyncio
from types import TracebackType
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset

from tests.servers.behaviour import Hangup, ServerReply
from tests.servers.connection import HttpConnection

HOST = "127.0.0.1"
BODY = (
    b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Because."}, "finish_reason": "stop"}],'
    b' "usage": {"prompt_tokens": 5, "completion_tokens": 2}}'
)


class _Connection(asyncio.Protocol):
    """One connection with many streams."""

    def __init__(self, latency_seconds: float, register: set[_Connection]) -> None:
        self._latency_seconds = latency_seconds
        self._register = register
        self._wire = H2Connection(H2Configuration(client_side=False))
        self._transport: asyncio.Transport | None = None
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self.streams = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._register.add(self)
        self._wire.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._register.discard(self)
        for timer in self._timers.values():
            timer.cancel()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for event in self._wire.receive_data(data):
            if isinstance(event, RequestReceived):
                self.streams += 1
            elif isinstance(event, DataReceived):
                self._wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                stream = event.stream_id
                self._timers[stream] = loop.call_later(self._latency_seconds, self._answer, stream)
            elif isinstance(event, StreamReset) and (timer := self._timers.pop(event.stream_id, None)) is not None:
                timer.cancel()
        self._flush()

    def _answer(self, stream: int) -> None:
        del self._timers[stream]
        headers = [(":status", "200"), ("content-type", "application/json"), ("content-length", str(len(BODY)))]
        self._wire.send_headers(stream, headers)
        self._wire.send_data(stream, BODY, end_stream=True)
        self._flush()

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(self._wire.data_to_send())


class Http2Server:
    """The server, as an async context manager.

    Args:
        latency_seconds: Before each answer.
        http1: Speak HTTP/1.1 instead, to compare.
        port: 0 takes a free one; see `base_url`.

    Attributes:
        connections: Opened so far.
    """

    def __init__(self, latency_seconds: float = 0.0, *, http1: bool = False, port: int = 0) -> None:
        self._latency_seconds = latency_seconds
        self._http1 = http1
        self._port = port
        self._open: set[_Connection] = set()
        self._plain: set[HttpConnection] = set()
        self.connections = 0

    @property
    def base_url(self) -> str:
        """The URL up to and including `/v1`."""
        return f"http://{HOST}:{self._port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(self._connect, HOST, self._port, backlog=2048)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in list(self._open):
            connection.close()
        for plain in list(self._plain):
            plain.abort()
        await self._server.wait_closed()

    def _connect(self) -> asyncio.Protocol:
        self.connections += 1
        if self._http1:
            return HttpConnection(self._handle, self._plain)
        return _Connection(self._latency_seconds, self._open)

    async def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> ServerReply | Hangup:
        await asyncio.sleep(self._latency_seconds)
        return ServerReply(200, BODY)


async def _serve(options: argparse.Namespace) -> None:
    async with Http2Server(options.latency_ms / 1000, http1=options.http1) as server:
        print(f"listening on {server.base_url}", flush=True)  # noqa: T201 -- a starter waits for this line
        await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="time to each answer")
    parser.add_argument("--http1", action="store_true", help="speak HTTP/1.1")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
