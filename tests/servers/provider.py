"""A loopback server that plays OpenAI (chat completions and responses) and Anthropic (messages), faults included.

It keeps books as a provider does: what it received, what it charged, and the most in any minute. A call that comes
again under an idempotency key it has answered gets that answer again and is not charged twice.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import msgspec

from tests.servers.behaviour import Hangup, ServerReply
from tests.servers.connection import HttpConnection
from tests.servers.faults import PAID, Asked, Fault, Faults, no_faults
from tests.servers.flavors import FLAVORS, Flavor, Spoken, encode, spoken
from tests.servers.ledger import ProviderLedger
from tests.servers.prompt_cache import PromptCache, TooManyMarks, tokens_of_key

HOST = "127.0.0.1"
STATUSES = {
    Fault.RATE_LIMITED: 429,
    Fault.SERVER_ERROR: 500,
    Fault.UNAVAILABLE: 503,
    Fault.OVERLOADED: 529,
    Fault.CONTEXT_LENGTH: 400,
    Fault.BAD_REQUEST: 400,
    Fault.UNAUTHENTICATED: 401,
    Fault.FORBIDDEN: 403,
    Fault.UNKNOWN_MODEL: 404,
    Fault.NO_QUOTA: 429,
}
KEY_HEADERS = ("authorization", "x-api-key")
NO_SAMPLING_SINCE = "2026-10-21"
"""Version of Anthropic's interface that refuses sampling parameters, and those after it."""


class ProviderServer:
    """The server, as an async context manager.

    Args:
        faults: Which call meets what.
        ledger: The books; fresh ones without limits by default.
        latency_seconds: Before each answer.
        retry_after_seconds: What a rate-limited call is told.
        slow_seconds: Between the halves of a slow body.
        prompt_cache: What is read from and written to a cache; without one, half of every prompt counts as read.
        port: 0 takes a free one; see `base_url`.

    Attributes:
        outage: While true, every call is answered 503.
        bodies: The last body received by path, as plain data.
        headers: The headers it came with.
        under_way: Calls being answered; `most_under_way` is the highest so far.
        met: How often each fault struck.
        calls: By request id: the attempt of each call, and what it met; None where it was answered as it should be.
    """

    def __init__(
        self,
        faults: Faults = no_faults,
        *,
        ledger: ProviderLedger | None = None,
        latency_seconds: float = 0.0,
        retry_after_seconds: float = 0.05,
        slow_seconds: float = 0.05,
        prompt_cache: PromptCache | None = None,
        port: int = 0,
    ) -> None:
        self._faults = faults
        self.ledger = ledger or ProviderLedger()
        self._latency_seconds = latency_seconds
        self._retry_after_seconds = retry_after_seconds
        self._slow_seconds = slow_seconds
        self._prompt_cache = prompt_cache
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[HttpConnection] = set()
        self._answered: dict[str, bytes] = {}
        self.outage = False
        self.bodies: dict[str, dict[str, Any]] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.under_way = 0
        self.most_under_way = 0
        self.met: dict[Fault, int] = {}
        self.calls: dict[str, list[tuple[int, Fault | None]]] = {}

    @property
    def base_url(self) -> str:
        """The URL up to and including `/v1`."""
        return f"http://{HOST}:{self._port}/v1"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: HttpConnection(self._handle, self._open), HOST, self._port)
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

    async def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> ServerReply | Hangup:
        flavor = FLAVORS.get(path)
        if flavor is None or method != "POST":
            return ServerReply(404, b'{"error": {"type": "not_found"}}')
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            reply = self._reply(path, flavor, headers, body)
            if isinstance(reply, ServerReply) and reply.delay_seconds:
                await asyncio.sleep(reply.delay_seconds)
        finally:
            self.under_way -= 1
        return reply

    def _reply(self, path: str, flavor: Flavor, headers: dict[str, str], body: bytes) -> ServerReply | Hangup:
        now = time.time()
        request_id, _, number = headers.get("x-request-id", "").rpartition("/")
        attempt = int(number or 0)
        calls = self.calls.setdefault(request_id, [])
        allowed = self.ledger.receive(request_id, now)
        self.headers[path] = headers
        try:
            asked = self.bodies[path] = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return self._refuse(flavor, Fault.BAD_REQUEST, now)
        if (wrong := self._inadmissible(path, headers, asked)) is not None:
            calls.append((attempt, wrong))
            return self._refuse(flavor, wrong, now)
        if not allowed:
            calls.append((attempt, Fault.RATE_LIMITED))
            return self._refuse(flavor, Fault.RATE_LIMITED, now, self.ledger.requests.frees_in(now))
        key = headers.get("idempotency-key", "")
        if key and (known := self._answered.get(key)) is not None:
            calls.append((attempt, None))
            return self._send(flavor, known, now)
        fault = self._faults(Asked(request_id, attempt))
        calls.append((attempt, fault))
        if fault is not None:
            self.met[fault] = self.met.get(fault, 0) + 1
        try:
            said = self._cached(path, spoken(body, asked), asked, now)
        except TooManyMarks:
            return self._refuse(flavor, Fault.BAD_REQUEST, now)
        if fault is None or fault in PAID or fault is Fault.CONTENT_FILTER:
            return self._answer(flavor, asked, said, fault, (request_id, key), now)
        if fault is Fault.DROPPED:
            return Hangup()
        if fault is Fault.HUNG:
            return ServerReply(delay_seconds=3600.0)
        return self._refuse(flavor, fault, now)

    def _cached(self, path: str, said: Spoken, asked: dict[str, Any], now: float) -> Spoken:
        cache = self._prompt_cache
        if cache is None:
            return said
        if path == "/v1/messages":
            read, written = cache.of_messages(asked, now)
            return replace(said, cached_tokens=read, written_tokens=written)
        unread = said.input_tokens - tokens_of_key(asked)  # the key is no part of the prompt
        return replace(said, input_tokens=unread, cached_tokens=min(unread, cache.of_text(asked, now)))

    def _inadmissible(self, path: str, headers: dict[str, str], asked: dict[str, Any]) -> Fault | None:
        if not any(headers.get(name) for name in KEY_HEADERS):
            return Fault.UNAUTHENTICATED
        if path == "/v1/messages" and not _right_version(headers.get("anthropic-version", ""), asked):
            return Fault.BAD_REQUEST
        return Fault.UNAVAILABLE if self.outage else None

    def _answer(
        self,
        flavor: Flavor,
        asked: dict[str, Any],
        said: Spoken,
        fault: Fault | None,
        names: tuple[str, str],
        now: float,
    ) -> ServerReply:
        """Answer, charge, and spoil what is sent when a fault says so."""
        if fault is Fault.CONTENT_FILTER:
            status, filtered = flavor.filtered(asked, said)
            if status == 200:
                self.ledger.charge(names[0], said.tokens, now)
                self._answered[names[1]] = encode(filtered)
            return ServerReply(status, encode(filtered), {}, self._latency_seconds)
        answer = flavor.answer(asked, said)
        self.ledger.charge(names[0], said.tokens, now)
        if fault is Fault.WRONG_USAGE:
            flavor.spoil(answer)
        sent = encode(answer)
        self._answered[names[1]] = sent
        if fault is Fault.TRUNCATED:
            sent = sent[: len(sent) // 2]
        if fault is Fault.MALFORMED:
            sent = b"<html>bad gateway</html>"
        return self._send(flavor, sent, now, fault)

    def _send(self, flavor: Flavor, sent: bytes, now: float, fault: Fault | None = None) -> ServerReply:
        headers = flavor.limits(self.ledger.left(now), now)
        stall = self._slow_seconds if fault is Fault.SLOW_BODY else 0.0
        return ServerReply(200, sent, headers, self._latency_seconds, stall, fault is Fault.BROKEN_OFF)

    def _refuse(self, flavor: Flavor, fault: Fault, now: float, wait: float | None = None) -> ServerReply:
        status = STATUSES[fault]
        headers = flavor.limits(self.ledger.left(now), now)
        if fault is Fault.RATE_LIMITED:
            headers["retry-after"] = f"{self._retry_after_seconds if wait is None else wait:.3f}"
        return ServerReply(status, encode(flavor.error(status, fault)), headers, self._latency_seconds)


def _right_version(version: str, asked: dict[str, Any]) -> bool:
    """Return whether this version of Anthropic's interface takes what is asked."""
    return bool(version) and (version < NO_SAMPLING_SINCE or not asked.keys() & {"temperature", "top_p"})
