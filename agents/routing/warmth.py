"""Which provider has the beginning of a conversation cached, as far as our own calls tell.

Providers keep the beginning of a prompt for some minutes and charge a fraction for reading it again. A conversation
sends its whole past every time, so that moving it to another model costs the price of reading it afresh. A request
that begins as an earlier one did, of the same tenant and with the same tools, finds that model's cache warm. A model
that charges for writing its cache has cached only what a call marked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import orjson

from schemas.batch import SharedPrefix
from schemas.registry import ModelRegistry
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
        marked: Whether calls tell the provider to cache it.
    """

    digest: bytes
    tokens: int
    marked: bool = False


class PromptCaches:
    """What our calls have left in the providers' caches, by how they began.

    Args:
        settings: How long a beginning stays cached, and how long it must be.
        registry: Tells which models charge for writing; without it none does.
    """

    def __init__(self, settings: RoutingSettings, registry: ModelRegistry | None = None) -> None:
        self._registry = registry
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

    def marked(self, prefix: SharedPrefix) -> list[Beginning]:
        """Return the beginnings that a call marks."""
        return [Beginning(bytes.fromhex(cut.key), cut.tokens, marked=True) for cut in prefix.cuts]

    def warm(self, beginnings: list[Beginning], now: float) -> tuple[tuple[str, int], ...]:
        """Return for each model with a warm cache its name and the cached tokens, of the longest beginning known."""
        found: dict[str, int] = {}
        for beginning in beginnings:
            call = self._calls.get(beginning.digest)
            if call is not None and now - call.at < self._seconds:
                found[call.model] = max(beginning.tokens, found.get(call.model, 0))
        return tuple(sorted(found.items()))

    def note(self, beginnings: list[Beginning], model: str, now: float) -> None:
        """Know that a request with these beginnings goes to this model."""
        if self._charges(model):
            beginnings = [beginning for beginning in beginnings if beginning.marked]
        for beginning in beginnings:
            self._calls[beginning.digest] = _Call(model, now)
            self._calls.move_to_end(beginning.digest)
        while len(self._calls) > REMEMBERED:
            self._calls.popitem(last=False)

    def _charges(self, model: str) -> bool:
        spec = None if self._registry is None else self._registry.get(model)
        return spec is not None and spec.price.cache_write is not None


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
