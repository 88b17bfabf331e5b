"""The prompt cache of a provider as the test server plays it: what a call reads from it, and what it writes into it.

Anthropic's caches what a request marks, block by block, at most four marks; OpenAI's whatever is long enough, in
steps of 128 tokens, on the machine that a call happens to come to. Both forget what nobody used for five minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

CHARS_PER_TOKEN = 4
LEAST_TOKENS = 1_024
SECONDS = 300.0
MOST_MARKS = 4
LOOKED_BACK = 20
"""Blocks before a mark that may end a cached beginning, too."""
STEP_TOKENS = 128
ROUTED_CHARS = 1_024
"""Calls that begin alike for so long, and name the same key, come to the same machine."""
CALLS_PER_MINUTE = 15
"""More of them spill over to other machines."""
MINUTE = 60.0

_encode = msgspec.json.Encoder(order="deterministic").encode


class TooManyMarks(Exception):
    """More than the provider takes."""


class PromptCache:
    """What a provider has cached, and until when.

    Args:
        least_tokens: Shorter beginnings are not cached.
        seconds: How long one is kept after its last use.
        ready_seconds: After a call came, how long what it writes cannot be read yet.
    """

    def __init__(
        self, least_tokens: int = LEAST_TOKENS, seconds: float = SECONDS, ready_seconds: float = 0.0
    ) -> None:
        self._least = least_tokens
        self._seconds = seconds
        self._ready_seconds = ready_seconds
        self._kept: dict[bytes, tuple[float, float]] = {}
        self._calls: dict[bytes, list[float]] = {}

    def of_messages(self, asked: Mapping[str, Any], now: float) -> tuple[int, int]:
        """Return the tokens that a body of Anthropic's reads and writes.

        Raises:
            TooManyMarks: It marks more than four blocks.
        """
        blocks = list(_blocks(asked))
        marked = [index for index, (_, _, is_marked) in enumerate(blocks) if is_marked]
        if len(marked) > MOST_MARKS:
            raise TooManyMarks
        read = 0
        for index in reversed(marked):
            for digest, tokens, _ in reversed(blocks[max(0, index - LOOKED_BACK) : index + 1]):
                if self._has(digest, now):
                    self._keep(digest, now)
                    read = max(read, tokens)
                    break
        written = 0
        for index in marked:
            digest, tokens, _ = blocks[index]
            if tokens >= self._least:
                self._keep(digest, now)
                written = max(written, tokens - read)
        return read, written

    def of_text(self, asked: Mapping[str, Any], now: float) -> int:
        """Return the tokens that a body of OpenAI's reads; writing is free there."""
        held = _encode([asked.get("model"), asked.get("tools"), asked.get("messages") or asked.get("input")])
        route = _digest(held[:ROUTED_CHARS], str(asked.get("prompt_cache_key")).encode())
        lately = self._calls[route] = [at for at in self._calls.get(route, ()) if now - at < MINUTE]
        machine = (len(lately) // CALLS_PER_MINUTE).to_bytes(2)
        lately.append(now)
        read, digest = 0, _digest(route, machine)
        for end in range(STEP_TOKENS, len(held) // CHARS_PER_TOKEN + 1, STEP_TOKENS):
            digest = _digest(digest, held[(end - STEP_TOKENS) * CHARS_PER_TOKEN : end * CHARS_PER_TOKEN])
            if end >= self._least:
                read = end if self._has(digest, now) else read
                self._keep(digest, now)
        return read

    def _has(self, digest: bytes, now: float) -> bool:
        ready_at, until = self._kept.get(digest, (now, now))
        return ready_at <= now < until

    def _keep(self, digest: bytes, now: float) -> None:
        ready_at, until = self._kept.get(digest, (0.0, 0.0))
        self._kept[digest] = (ready_at if now < until else now + self._ready_seconds, now + self._seconds)


def tokens_of_key(asked: Mapping[str, Any]) -> int:
    """Return what the key of a body of OpenAI's adds to its length."""
    key = asked.get("prompt_cache_key")
    return 0 if key is None else len(_encode({"prompt_cache_key": key})) // CHARS_PER_TOKEN


def _blocks(asked: Mapping[str, Any]) -> Iterator[tuple[bytes, int, bool]]:
    """Yield of each block the digest and the tokens of all up to it, and whether it is marked."""
    digest, chars = _digest(b"", _encode(asked.get("model"))), 0
    for place, block in _in_order(asked):
        content = _encode([place, {name: value for name, value in block.items() if name != "cache_control"}])
        digest, chars = _digest(digest, content), chars + len(content)
        yield digest, chars // CHARS_PER_TOKEN, "cache_control" in block


def _in_order(asked: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for tool in asked.get("tools") or ():
        yield "tools", tool
    for block in _as_blocks(asked.get("system") or []):
        yield "system", block
    for number, message in enumerate(asked.get("messages") or ()):
        for block in _as_blocks(message["content"]):
            yield f"{number} {message['role']}", block


def _as_blocks(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _digest(before: bytes, content: bytes) -> bytes:
    return blake2b(before + content, digest_size=16).digest()
