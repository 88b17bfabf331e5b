"""Anthropic's messages format for batches: our prompt as its body, its answer as our reply. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.providers.protocol import ChatMessage, Prompt, Reply
from schemas.errors import ProviderUnreadable
from schemas.wire import Answer, Tokens

UNREADABLE = "provider_unreadable"
MAX_TOKENS = 4_096
"""The format requires a longest answer; this is what the models file assumes of a model that names none."""
STEERING = frozenset({"system", "developer"})
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class _Body(msgspec.Struct, omit_defaults=True):
    model: str
    max_tokens: int
    messages: list[dict[str, Any]]
    system: str | None = None
    tools: list[dict[str, Any]] | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None


class _Usage(msgspec.Struct):
    """Cached tokens are counted beside the input tokens here, not among them."""

    input_tokens: int
    output_tokens: int = 0
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None


class _Message(msgspec.Struct):
    content: msgspec.Raw
    usage: msgspec.Raw
    stop_reason: str | None = None


_encode = msgspec.json.Encoder().encode
_decode_message = msgspec.json.Decoder(_Message).decode
_decode_blocks = msgspec.json.Decoder(list[_Block]).decode
_decode_usage = msgspec.json.Decoder(_Usage).decode


def message_body(prompt: Prompt, model: str) -> bytes:
    """Return the JSON parameters that ask this model."""
    sampling = prompt.sampling
    said = [ChatMessage("user", prompt.prompt)] if prompt.prompt is not None else prompt.messages or []
    body = _Body(
        model=model,
        max_tokens=sampling.max_output_tokens or MAX_TOKENS,
        messages=[_turn(message) for message in said if message.role not in STEERING],
        system="\n\n".join(message.text for message in said if message.role in STEERING) or None,
        tools=None if prompt.tools is None else [_tool(tool) for tool in prompt.tools],
        temperature=None if sampling.temperature is None else min(1.0, sampling.temperature),
        top_p=sampling.top_p,
        stop_sequences=sampling.stop,
    )
    return bytes(_encode(body))


def parse_message(body: bytes) -> Reply:
    """Read a message.

    Raises:
        ProviderUnreadable: The body is not a message with content; carries what was billed, if it says so.
    """
    billed: Tokens | None = None
    try:
        message = _decode_message(body)
        billed = _tokens(_decode_usage(message.usage))
        blocks = _decode_blocks(message.content)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise ProviderUnreadable(UNREADABLE, "the answer is not a readable message", billed) from wrong
    calls = [
        {
            "id": block.id,
            "type": "function",
            "function": {"name": block.name, "arguments": _encode(block.input).decode()},
        }
        for block in blocks
        if block.type == "tool_use"
    ]
    texts = [block.text for block in blocks if block.text is not None]
    reason = FINISH_REASONS.get(message.stop_reason or "", message.stop_reason)
    return Reply(Answer("".join(texts) if texts else None, calls or None, reason), billed)


def _tokens(usage: _Usage) -> Tokens:
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    return Tokens(usage.input_tokens + read + written, read, usage.output_tokens)


def _turn(message: ChatMessage) -> dict[str, Any]:
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.text}
        return {"role": "user", "content": [result]}
    if not message.tool_calls and isinstance(message.content, str):
        return {"role": message.role, "content": message.content}
    blocks: list[dict[str, Any]] = []
    if isinstance(message.content, str):
        blocks.append({"type": "text", "text": message.content})
    else:
        blocks += [_part(part) for part in message.content or ()]
    blocks += [_tool_use(call) for call in message.tool_calls or ()]
    return {"role": message.role, "content": blocks}


def _part(part: dict[str, Any]) -> dict[str, Any]:
    url = (part.get("image_url") or {}).get("url")
    if url is None:
        return part
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function") or tool
    named = {"name": function.get("name"), "input_schema": function.get("parameters") or {"type": "object"}}
    return named if function.get("description") is None else {**named, "description": function["description"]}


def _tool_use(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function") or {}
    try:
        given = msgspec.json.decode(function.get("arguments") or "{}")
    except msgspec.DecodeError:
        given = {}
    return {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": given}
