"""Anthropic's messages format: our prompt as its body, its answer as our reply. Pure.

System texts stand apart from the turns there, tool results are parts of a user's turn, the longest answer must be
named, and the temperature, which only the older version of the interface takes, ends at 1. Seed and penalties have no
counterpart and are not sent.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from agents.providers.answers import delivered, estimated
from agents.providers.bills import billed
from agents.providers.cache_marks import SYSTEM_ROLES, mark, text_block
from agents.providers.content import Image, arguments_of, function_tools, parts_of, tool_calls_of, untranslatable
from agents.providers.protocol import ChatMessage, Prompt, Reply, cuts_of
from agents.providers.usage import Flavor
from schemas.errors import ProviderUnreadable
from schemas.wire import Answer

UNREADABLE = "provider_unreadable"
MAX_TEMPERATURE = 1.0
JSON_ONLY = "Answer with one JSON object and nothing else."
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""By Anthropic's stop reason; others are told as they come."""


class _Body(msgspec.Struct, omit_defaults=True):
    model: str
    max_tokens: int
    messages: list[dict[str, Any]]
    system: str | list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = None
    output_config: dict[str, Any] | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Envelope(msgspec.Struct):
    """The parts are decoded one by one: unreadable content must not hide what was billed for it."""

    content: msgspec.Raw = msgspec.Raw()
    stop_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


_encode = msgspec.json.Encoder().encode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_blocks = msgspec.json.Decoder(list[_Block]).decode


def message_body(prompt: Prompt, model: str, longest: int, least_cached: float = math.inf) -> bytes:
    """Return the JSON body that asks this model.

    Args:
        prompt: What is asked.
        model: The model's name.
        longest: Most tokens of the answer when the prompt names no limit.
        least_cached: Length in tokens from which on shared beginnings are marked to be cached.

    Raises:
        ProviderBadRequest: The prompt holds what this format has no words for.
    """
    sampling = prompt.sampling
    messages = prompt.messages if prompt.prompt is None else [ChatMessage("user", prompt.prompt)]
    system, turns = _turns(messages or [])
    form = prompt.response_format or {}
    if form.get("type") == "json_object":
        system.append(JSON_ONLY)
    temperature = sampling.temperature
    told: str | list[dict[str, Any]] = "\n\n".join(system)
    if cuts := cuts_of(prompt, least_cached):
        told = [text_block(text) for text in system]
        mark(cuts, messages or [], told, turns)
    return _encode(
        _Body(
            model=model,
            max_tokens=sampling.max_output_tokens or longest,
            messages=turns,
            system=told or None,
            tools=[_tool(tool) for tool in function_tools(prompt.tools)] or None,
            output_config=_output_config(form),
            temperature=None if temperature is None else min(temperature, MAX_TEMPERATURE),
            top_p=sampling.top_p,
            stop_sequences=sampling.stop,
        )
    )


def parse_message(body: bytes, prompt: Prompt) -> Reply:
    """Read a message; tokens are estimated when the provider does not tell.

    Raises:
        ProviderUnreadable: The body is not a message with content; carries what was billed, if it says so.
        ProviderContentFiltered: The provider's rules left nothing of the answer; carries what was billed.
    """
    try:
        envelope = _decode_envelope(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ProviderUnreadable(UNREADABLE, "the answer is not a JSON object") from wrong
    bill = billed(Flavor.ANTHROPIC_MESSAGES, envelope.usage)
    try:
        blocks = _decode_blocks(envelope.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ProviderUnreadable(UNREADABLE, "the answer has no readable content", bill) from wrong
    text = "".join(block.text for block in blocks if block.type == "text")
    calls = [
        {
            "id": block.id,
            "type": "function",
            "function": {"name": block.name, "arguments": bytes(block.input).decode()},
        }
        for block in blocks
        if block.type == "tool_use"
    ]
    reason = envelope.stop_reason
    answer = Answer(None if calls and not text else text, calls or None, FINISH_REASONS.get(reason or "", reason))
    return delivered(answer, bill or estimated(prompt, answer))


def _turns(messages: list[ChatMessage]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the system texts and the turns; results of tools called together are one turn of the user."""
    system: list[str] = []
    turns: list[dict[str, Any]] = []
    results: list[dict[str, Any]] | None = None
    for message in messages:
        if message.role in SYSTEM_ROLES:
            system.append(message.text)
            continue
        if message.role != "tool":
            results = None
            turns.append(_turn(message))
            continue
        if results is None:
            results = []
            turns.append({"role": "user", "content": results})
        results.append(
            {"type": "tool_result", "tool_use_id": message.tool_call_id or "", "content": _content(message)}
        )
    return system, turns


def _turn(message: ChatMessage) -> dict[str, Any]:
    calls = tool_calls_of(message)
    if not calls:
        return {"role": message.role, "content": _content(message)}
    blocks = [_block(part) for part in parts_of(message) if part]
    blocks += [{"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_of(call)} for call in calls]
    return {"role": message.role, "content": blocks}


def _content(message: ChatMessage) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    return [_block(part) for part in parts_of(message)]


def _block(part: str | Image) -> dict[str, Any]:
    if isinstance(part, str):
        return text_block(part)
    if not part.url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": part.url}}
    media_type, marker, data = part.url.removeprefix("data:").partition(";base64,")
    if not marker:
        raise untranslatable("an image that is not encoded in Base64")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _tool(tool: Any) -> dict[str, Any]:
    described = {"name": tool.name, "input_schema": tool.parameters or {"type": "object"}}
    return described if tool.description is None else {**described, "description": tool.description}


def _output_config(form: dict[str, Any]) -> dict[str, Any] | None:
    if form.get("type") != "json_schema":
        return None
    described = form.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    if not isinstance(schema, dict):
        raise untranslatable("a response format without a schema")
    return {"format": {"type": "json_schema", "schema": schema}}
