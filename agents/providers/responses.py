"""OpenAI's responses format: our prompt as its body, its answer as our reply. Pure.

A conversation is a list of items there: messages, calls of functions, and their outputs. Seed, stop and penalties
have no counterpart and are not sent. Nothing is stored at the provider (`store: false`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from agents.providers.answers import CONTENT_FILTER, delivered, estimated
from agents.providers.bills import billed
from agents.providers.content import FunctionTool, Image, function_tools, parts_of, tool_calls_of, untranslatable
from agents.providers.protocol import ChatMessage, Prompt, Reply
from agents.providers.usage import Flavor
from schemas.errors import ProviderError, ProviderOverloaded, ProviderRateLimited, ProviderUnreadable
from schemas.wire import Answer, Tokens

UNREADABLE = "provider_unreadable"
LENGTH_REASONS = frozenset({"max_output_tokens", "max_messages"})


class _Body(msgspec.Struct, omit_defaults=True):
    model: str
    input: str | list[dict[str, Any]]
    store: bool | None = None
    tools: list[dict[str, Any]] | None = None
    text: dict[str, Any] | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    prompt_cache_key: str | None = None


class _Part(msgspec.Struct):
    type: str
    text: str = ""
    refusal: str = ""


class _Item(msgspec.Struct):
    type: str
    content: list[_Part] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Failed(msgspec.Struct):
    code: str | None = None


class _Envelope(msgspec.Struct):
    """The parts are decoded one by one: unreadable output must not hide what was billed for it."""

    status: str | None = None
    output: msgspec.Raw = msgspec.Raw()
    incomplete_details: _Incomplete | None = None
    error: _Failed | None = None
    usage: msgspec.Raw = msgspec.Raw()


_encode = msgspec.json.Encoder().encode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_items = msgspec.json.Decoder(list[_Item]).decode


def response_body(prompt: Prompt, model: str, cache_key: str | None = None) -> bytes:
    """Return the JSON body that asks this model, and names the prompt cache to be used.

    Raises:
        ProviderBadRequest: The prompt holds what this format has no words for.
    """
    sampling = prompt.sampling
    if prompt.prompt is not None:
        asked: str | list[dict[str, Any]] = prompt.prompt
    else:
        asked = [item for message in prompt.messages or () for item in _items(message)]
    return _encode(
        _Body(
            model=model,
            input=asked,
            store=False,
            tools=[_tool(tool) for tool in function_tools(prompt.tools)] or None,
            text=_form(prompt.response_format),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_output_tokens=sampling.max_output_tokens,
            prompt_cache_key=cache_key,
        )
    )


def parse_response(body: bytes, prompt: Prompt) -> Reply:
    """Read a response; tokens are estimated when the provider does not tell.

    Raises:
        ProviderUnreadable: The body is not a response with output; carries what was billed, if it says so.
        ProviderContentFiltered: The provider's rules left nothing of the answer; carries what was billed.
        ProviderOverloaded: The response says that it failed.
    """
    try:
        envelope = _decode_envelope(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ProviderUnreadable(UNREADABLE, "the answer is not a JSON object") from wrong
    bill = billed(Flavor.OPENAI_RESPONSES, envelope.usage)
    if envelope.status == "failed":
        raise _failure(envelope.error, bill)
    try:
        items = _decode_items(envelope.output)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ProviderUnreadable(UNREADABLE, "the answer has no readable output", bill) from wrong
    parts = [part for item in items if item.type == "message" for part in item.content or ()]
    text = "".join(part.text or part.refusal for part in parts)
    calls = [
        {"id": item.call_id, "type": "function", "function": {"name": item.name, "arguments": item.arguments}}
        for item in items
        if item.type == "function_call"
    ]
    answer = Answer(None if calls and not text else text, calls or None, _finish_reason(envelope, bool(calls)))
    return delivered(answer, bill or estimated(prompt, answer))


def _failure(error: _Failed | None, bill: Tokens | None) -> ProviderError:
    code = error.code if error is not None else None
    message = f"the response failed ({code})" if code and code.replace("_", "").isalnum() else "the response failed"
    if code == "rate_limit_exceeded":
        return ProviderRateLimited("provider_rate_limited", message, None, bill)
    return ProviderOverloaded("provider_overloaded", message, None, bill)


def _finish_reason(envelope: _Envelope, has_calls: bool) -> str | None:
    if envelope.status != "incomplete":
        return "tool_calls" if has_calls else "stop"
    reason = envelope.incomplete_details.reason if envelope.incomplete_details is not None else None
    return "length" if reason in LENGTH_REASONS else CONTENT_FILTER if reason == CONTENT_FILTER else reason


def _items(message: ChatMessage) -> list[dict[str, Any]]:
    if message.role == "tool":
        output = "".join(part for part in parts_of(message) if isinstance(part, str))
        return [{"type": "function_call_output", "call_id": message.tool_call_id or "", "output": output}]
    said = [_part(part, message.role) for part in parts_of(message) if part]
    items: list[dict[str, Any]] = []
    if said:
        content = message.content if isinstance(message.content, str) else said
        items.append({"role": message.role, "content": content})
    items += [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}
        for call in tool_calls_of(message)
    ]
    return items


def _part(part: str | Image, role: str) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part}
    return {"type": "input_image", "image_url": part.url, "detail": part.detail or "auto"}


def _tool(tool: FunctionTool) -> dict[str, Any]:
    described = {"type": "function", "name": tool.name, "parameters": tool.parameters, "strict": bool(tool.strict)}
    return described if tool.description is None else {**described, "description": tool.description}


def _form(form: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the answer's form; what chat completions nest under `json_schema` lies flat here."""
    if form is None:
        return None
    if form.get("type") != "json_schema":
        return {"format": form}
    described = form.get("json_schema")
    if not isinstance(described, dict):
        raise untranslatable("a response format without a schema")
    return {"format": {**described, "type": "json_schema"}}
