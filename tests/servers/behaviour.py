"""What the loopback provider answers: values that say what to send, and ready-made ways to choose them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

CHARS_PER_TOKEN = 4
HASH_RANGE = 2**32


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    """One call as the server received it."""

    request_id: str
    attempt: int
    model: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as plain data."""
        body: dict[str, Any] = msgspec.json.decode(self.body)
        return body


@dataclass(frozen=True, slots=True)
class ServerReply:
    """One HTTP answer.

    Attributes:
        delay_seconds: Before the head is sent.
        stall_seconds: Between the first and the second half of the body.
        breaks_off: The connection ends after the first half.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    stall_seconds: float = 0.0
    breaks_off: bool = False


@dataclass(frozen=True, slots=True)
class Hangup:
    """The connection is reset without an answer."""

    delay_seconds: float = 0.0


Behaviour = Callable[[ReceivedCall], ServerReply | Hangup]


def completion(call: ReceivedCall, *, usage: dict[str, Any] | None = None, **choice: Any) -> bytes:
    """Return a well-formed chat completion that depends on the call's body alone."""
    content = f"Answer {zlib.crc32(call.body):08x} by {call.model}."
    message = {"role": "assistant", "content": content}
    if usage is None:
        usage = {
            "prompt_tokens": max(1, len(call.body) // CHARS_PER_TOKEN),
            "completion_tokens": max(1, len(content) // CHARS_PER_TOKEN),
        }
    return msgspec.json.encode(
        {
            "id": f"chatcmpl-{call.request_id}",
            "object": "chat.completion",
            "model": call.model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}],
            "usage": usage,
        }
    )


def answer_or_fail(*, latency_seconds: float = 0.0, failure_rate: float = 0.0) -> Behaviour:
    """Answer every call after the latency, except a share of them chosen by a hash of id and attempt."""
    failures = (
        ServerReply(429, b'{"error": {"type": "rate_limit"}}', {"retry-after": "0"}, latency_seconds),
        ServerReply(500, b'{"error": {"type": "server_error"}}', {}, latency_seconds),
        Hangup(latency_seconds),
    )

    def behave(call: ReceivedCall) -> ServerReply | Hangup:
        # Attempts are hashed apart: the CRCs of two ids of one length differ by the same bits for every pair.
        draw = zlib.crc32(b"%d" % zlib.crc32(f"{call.request_id}/{call.attempt}".encode()))
        if draw < failure_rate * HASH_RANGE:
            return failures[draw % len(failures)]
        return ServerReply(200, completion(call), {}, latency_seconds)

    return behave


def in_order(replies: Iterable[ServerReply | Hangup]) -> Behaviour:
    """Give these replies one after the other, then answer well."""
    left = iter(replies)
    return lambda call: next(left, None) or ServerReply(200, completion(call))
