"""HTTP/2 connections to one server, each shared by many calls.

Off unless a provider's `http2` is set: with 1,000 calls in flight a call costs a tenth more CPU than over HTTP/1.1 on
a connection of its own (`benchmarks/multiplexing.py`), and what it saves is connections. It pays where a server or
firewall allows few. Each connection is a pool of one: within one large pool httpx collapses (see `connections.py`).
"""

from __future__ import annotations

import httpx

from agents.providers.connections import ONE_CONNECTION

STREAMS_PER_CONNECTION = 100
"""What servers allow at least by RFC 9113's advice, and most allow at most."""


class StreamStack(httpx.AsyncBaseTransport):
    """An httpx transport that opens a further HTTP/2 connection when all are full; it never waits for a free stream.

    Only for servers that speak HTTP/2: over TLS, or in the clear with prior knowledge.
    """

    def __init__(self) -> None:
        self._under_way: dict[httpx.AsyncHTTPTransport, int] = {}
        self._tls = httpx.create_ssl_context()  # reads the certificates once, not per connection

    @property
    def connections(self) -> int:
        """Connections opened and not closed."""
        return len(self._under_way)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read its whole answer."""
        connection = self._free()
        self._under_way[connection] += 1
        try:
            response = await connection.handle_async_request(request)
            await response.aread()
            return response
        finally:
            self._under_way[connection] -= 1

    async def aclose(self) -> None:
        """Close the connections; none may be in use."""
        while self._under_way:
            connection, _ = self._under_way.popitem()
            await connection.aclose()

    def _free(self) -> httpx.AsyncHTTPTransport:
        for connection, streams in self._under_way.items():
            if streams < STREAMS_PER_CONNECTION:
                return connection
        opened = httpx.AsyncHTTPTransport(verify=self._tls, http1=False, http2=True, limits=ONE_CONNECTION)
        self._under_way[opened] = 0
        return opened
