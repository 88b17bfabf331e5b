"""Which provider has the beginning of a conversation cached, as far as our own calls tell.

Providers keep the beginning of a prompt for some minutes and charge a fraction for reading it again. A conversation
sends its whole past every time, so that moving it to another model costs the price of reading it afresh. A request
that begins as an earlier one did, of the same tenant and with the same tools, finds that model's cache warm.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import orjson

from schemas.request import Message, Request
from schemas.settings import RoutingSettings

REMEMBERED = 10_000
DIGEST_BYTES = 16
CHARS_PER_TOKEN = 4


class _Call(NamedTuple):
    model: str
    at: float


class Beginning(NamedTuple):
    """The first messages of a request.

    Attributes:
        digest: Of tenant, tools and these messages.
        tokens: Their estimated length.
    """

    digest: bytes
    tokens: int


class PromptCaches:
    """What our calls have left in the providers' caches, by how they began.

    Args:
        settings: How long a beginning stays cached, and how long it must be.
    """

    def __init__(self, settings: RoutingSettings) -> None:
        self._seconds = settings.prompt_cache_seconds
        self._least = settings.prompt_cache_min_tokens
        self._calls: OrderedDict[bytes, _Call] = OrderedDict()

    def beginnings(self, request: Request, input_tokens: int) -> list[Beginning]:
        """Return the beginnings of a request that are long enough to be cached, the shortest first.

        A plain prompt has none, nor has anything short: then nothing is computed.
        """
        if not self._seconds or request.messages is None or input_tokens < self._least:
            return []
        return [beginning for beginning in _beginnings(request) if beginning.tokens >= self._least]

    def warm(self, beginnings: list[Beginning], now: float) -> tuple[tuple[str, int], ...]:
        """Return for each model with a warm cache its name and the cached tokens, of the longest beginning known."""
        found: dict[str, int] = {}
        for beginning in beginnings:
            call = self._calls.get(beginning.digest)
            if call is not None and now - call.at < self._seconds:
                found[call.model] = beginning.tokens
        return tuple(sorted(found.items()))

    def note(self, beginnings: list[Beginning], model: str, now: float) -> None:
        """Know that a request with these beginnings goes to this model."""
        for beginning in beginnings:
            self._calls[beginning.digest] = _Call(model, now)
            self._calls.move_to_end(beginning.digest)
        while len(self._calls) > REMEMBERED:
            self._calls.popitem(last=False)


def _beginnings(request: Request) -> Iterator[Beginning]:
    running = blake2b(digest_size=DIGEST_BYTES)
    tools = orjson.dumps(request.tools or [])
    running.update(orjson.dumps(request.tenant) + tools)
    chars = len(tools)
    for message in request.messages or ():
        written = _written(message)
        running.update(written)
        chars += len(written)
        yield Beginning(running.digest(), chars // CHARS_PER_TOKEN)


def _written(message: Message) -> bytes:
    fields = [message.role, message.content, message.name, message.tool_calls, message.tool_call_id]
    return orjson.dumps(fields)
