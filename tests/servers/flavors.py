"""The wire formats that the test server speaks: what OpenAI and Anthropic send, to the letter where it matters."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from tests.servers.faults import Fault

CHARS_PER_TOKEN = 4
CREATED = 1_800_000_000
ROUND_TOKENS = 16
"""Prompts share a cached prefix of whole blocks of so many tokens, as far as the server pretends."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the model says to a body, and what it costs."""

    text: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    written_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All tokens."""
        return self.input_tokens + self.output_tokens


def spoken(body: bytes, asked: Mapping[str, Any]) -> Spoken:
    """Return what the model says: always the same to the same body, and no longer than asked for."""
    text = f"Answer {zlib.crc32(body):08x} by {asked.get('model', '')}."
    inputs = max(1, len(body) // CHARS_PER_TOKEN)
    limits = (asked.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
    longest = next((limit for limit in limits if isinstance(limit, int)), len(text))
    output = min(longest, max(1, len(text) // CHARS_PER_TOKEN))
    return Spoken(text, inputs, inputs // ROUND_TOKENS // 2 * ROUND_TOKENS, output)


class Flavor(Protocol):
    """One wire format."""

    def answer(self, asked: Mapping[str, Any], said: Spoken) -> dict[str, Any]:
        """Return a body with success; a request with tools gets a call of the first."""
        ...

    def filtered(self, asked: Mapping[str, Any], said: Spoken) -> tuple[int, dict[str, Any]]:
        """Return status and body of what the rules forbid."""
        ...

    def error(self, status: int, fault: Fault) -> dict[str, Any]:
        """Return the body that tells an error."""
        ...

    def limits(self, left: Mapping[str, tuple[int, int, float]], now: float) -> dict[str, str]:
        """Return the headers that tell what is left of the limits."""
        ...

    def spoil(self, answer: dict[str, Any]) -> None:
        """Make the usage nonsense."""
        ...


_OPENAI_ERRORS: dict[Fault, dict[str, str | None]] = {
    Fault.RATE_LIMITED: {"type": "requests", "code": "rate_limit_exceeded"},
    Fault.CONTEXT_LENGTH: {"type": "invalid_request_error", "code": "context_length_exceeded", "param": "messages"},
    Fault.CONTENT_FILTER: {"type": "invalid_request_error", "code": "content_policy_violation"},
    Fault.BAD_REQUEST: {"type": "invalid_request_error", "param": "messages"},
    Fault.UNAUTHENTICATED: {"type": "invalid_request_error", "code": "invalid_api_key"},
    Fault.FORBIDDEN: {"type": "invalid_request_error", "code": "unsupported_country_region_territory"},
    Fault.UNKNOWN_MODEL: {"type": "invalid_request_error", "code": "model_not_found"},
    Fault.NO_QUOTA: {"type": "insufficient_quota", "code": "insufficient_quota"},
}


class _OpenAI:
    def error(self, status: int, fault: Fault) -> dict[str, Any]:
        named = {"message": fault.value, "type": "server_error", "param": None, "code": None}
        return {"error": {**named, **_OPENAI_ERRORS.get(fault, {})}}

    def limits(self, left: Mapping[str, tuple[int, int, float]], now: float) -> dict[str, str]:
        told = {}
        for kind, (limit, remaining, seconds) in left.items():
            told[f"x-ratelimit-limit-{kind}"] = str(limit)
            told[f"x-ratelimit-remaining-{kind}"] = str(remaining)
            told[f"x-ratelimit-reset-{kind}"] = f"{seconds:.3f}s"
        return told


class Chat(_OpenAI):
    """OpenAI's chat completions."""

    def answer(self, asked: Mapping[str, Any], said: Spoken) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": None}
        finish = "stop"
        if asked.get("tools"):
            name = asked["tools"][0]["function"]["name"]
            call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": '{"q": "x"}'}}
            message |= {"content": None, "tool_calls": [call]}
            finish = "tool_calls"
        return {
            "id": f"chatcmpl-{zlib.crc32(said.text.encode()):x}",
            "object": "chat.completion",
            "created": CREATED,
            "model": asked["model"],
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
            "usage": {
                "prompt_tokens": said.input_tokens,
                "completion_tokens": said.output_tokens,
                "total_tokens": said.tokens,
                "prompt_tokens_details": {"cached_tokens": said.cached_tokens, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
            },
            "system_fingerprint": "fp_test",
        }

    def filtered(self, asked: Mapping[str, Any], said: Spoken) -> tuple[int, dict[str, Any]]:
        return 400, self.error(400, Fault.CONTENT_FILTER)

    def spoil(self, answer: dict[str, Any]) -> None:
        answer["usage"] = {"prompt_tokens": -7, "completion_tokens": "many"}


class Responses(_OpenAI):
    """OpenAI's responses."""

    def answer(self, asked: Mapping[str, Any], said: Spoken) -> dict[str, Any]:
        part = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
        item = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
        if asked.get("tools"):
            item = {
                "type": "function_call",
                "id": "fc_1",
                "call_id": "call_1",
                "name": asked["tools"][0]["name"],
                "arguments": '{"q": "x"}',
                "status": "completed",
            }
        return {
            "id": f"resp_{zlib.crc32(said.text.encode()):x}",
            "object": "response",
            "created_at": CREATED,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "model": asked["model"],
            "output": [item],
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": asked.get("tools", []),
            "top_p": 1.0,
            "usage": {
                "input_tokens": said.input_tokens,
                "input_tokens_details": {"cached_tokens": said.cached_tokens, "cache_write_tokens": 0},
                "output_tokens": said.output_tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": said.tokens,
            },
        }

    def filtered(self, asked: Mapping[str, Any], said: Spoken) -> tuple[int, dict[str, Any]]:
        cut = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []}
        return 200, {**self.answer(asked, said), **cut}

    def spoil(self, answer: dict[str, Any]) -> None:
        answer["usage"] = {"input_tokens": None, "output_tokens": -1}


_ANTHROPIC_ERRORS = {
    Fault.RATE_LIMITED: "rate_limit_error",
    Fault.OVERLOADED: "overloaded_error",
    Fault.CONTEXT_LENGTH: "invalid_request_error",
    Fault.BAD_REQUEST: "invalid_request_error",
    Fault.UNAUTHENTICATED: "authentication_error",
    Fault.FORBIDDEN: "permission_error",
    Fault.UNKNOWN_MODEL: "not_found_error",
    Fault.NO_QUOTA: "billing_error",
}


class Messages:
    """Anthropic's messages."""

    def answer(self, asked: Mapping[str, Any], said: Spoken) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": said.text}]
        stop = "end_turn"
        if asked.get("tools"):
            content = [{"type": "tool_use", "id": "toolu_1", "name": asked["tools"][0]["name"], "input": {"q": "x"}}]
            stop = "tool_use"
        return {
            "id": f"msg_{zlib.crc32(said.text.encode()):x}",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {
                "input_tokens": said.input_tokens - said.cached_tokens - said.written_tokens,
                "cache_creation_input_tokens": said.written_tokens,
                "cache_read_input_tokens": said.cached_tokens,
                "output_tokens": said.output_tokens,
                "service_tier": "standard",
            },
        }

    def filtered(self, asked: Mapping[str, Any], said: Spoken) -> tuple[int, dict[str, Any]]:
        return 200, {**self.answer(asked, said), "content": [], "stop_reason": "refusal"}

    def error(self, status: int, fault: Fault) -> dict[str, Any]:
        message = "prompt is too long: 9 tokens > 8 maximum" if fault is Fault.CONTEXT_LENGTH else fault.value
        return {"type": "error", "error": {"type": _ANTHROPIC_ERRORS.get(fault, "api_error"), "message": message}}

    def limits(self, left: Mapping[str, tuple[int, int, float]], now: float) -> dict[str, str]:
        told = {}
        for kind, (limit, remaining, seconds) in left.items():
            told[f"anthropic-ratelimit-{kind}-limit"] = str(limit)
            told[f"anthropic-ratelimit-{kind}-remaining"] = str(remaining)
            reset = datetime.fromtimestamp(now + seconds, UTC).isoformat().replace("+00:00", "Z")
            told[f"anthropic-ratelimit-{kind}-reset"] = reset
        return told

    def spoil(self, answer: dict[str, Any]) -> None:
        answer["usage"] = {"input_tokens": "few", "output_tokens": -3}


FLAVORS: dict[str, Flavor] = {
    "/v1/chat/completions": Chat(),
    "/v1/responses": Responses(),
    "/v1/messages": Messages(),
}


def encode(body: Mapping[str, Any]) -> bytes:
    """Return a body as JSON."""
    return msgspec.json.encode(body)
