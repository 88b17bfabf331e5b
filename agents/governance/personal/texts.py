"""The texts of a request that a provider gets to see, and a request with them rewritten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from schemas.request import Message, Request
from schemas.steps import DeclaredStep

Rewrite = Callable[[str], str]

OPAQUE = frozenset({"$ref", "data", "file_data", "id", "role", "tool_call_id", "type", "url"})
"""Members of content parts and tools that are no text: what they hold must stay as it is to mean anything."""

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.encode


def texts_of(request: Request) -> Iterator[tuple[str, str, str]]:
    """Give the texts, each with its dotted field and the role that speaks: `tools` for what describes tools."""
    for position, step in enumerate(
        request.steps or ()
    ):  # first: what they are numbered by does not hang on the rest
        yield f"steps.{position}.operation", "system", step.operation
        yield f"steps.{position}.input", "user", step.input
        for text in step.sampling.stop or ():
            yield f"steps.{position}.sampling.stop", "tools", text
    if request.prompt is not None:
        yield "prompt", "user", request.prompt
    for position, message in enumerate(request.messages or ()):
        for field in ("content", "name", "tool_calls"):
            for text in _strings(getattr(message, field)):
                yield f"messages.{position}.{field}", str(message.role), text
    for field in ("tools", "response_format"):
        for text in _strings(getattr(request, field)):
            yield field, "tools", text
    for text in request.sampling.stop or ():
        yield "sampling.stop", "tools", text


def rewritten(request: Request, body: bytes, rewrite: Rewrite) -> tuple[Request, bytes]:
    """Return the request and its JSON with every text rewritten; the other fields keep their bytes."""
    changed: dict[str, Any] = {}
    if request.steps is not None:
        changed["steps"] = [_step(step, rewrite) for step in request.steps]
    if request.prompt is not None:
        changed["prompt"] = rewrite(request.prompt)
    if request.messages is not None:
        changed["messages"] = [_message(message, rewrite) for message in request.messages]
    for field in ("tools", "response_format"):
        if (value := getattr(request, field)) is not None:
            changed[field] = _value(value, rewrite)
    if request.sampling.stop is not None:
        stop = [rewrite(text) for text in request.sampling.stop]
        changed["sampling"] = request.sampling.model_copy(update={"stop": stop})
    raw = _fields.decode(body)
    for field, value in changed.items():
        raw[field] = msgspec.Raw(_encode(_plain(value)))
    return request.model_copy(update=changed), _encode(raw)


def _message(message: Message, rewrite: Rewrite) -> Message:
    update = {
        field: _value(value, rewrite)
        for field in ("content", "name", "tool_calls")
        if (value := getattr(message, field)) is not None
    }
    return message.model_copy(update=update)


def _step(step: DeclaredStep, rewrite: Rewrite) -> DeclaredStep:
    update: dict[str, Any] = {"operation": rewrite(step.operation), "input": rewrite(step.input)}
    if step.sampling.stop is not None:
        stop = [rewrite(text) for text in step.sampling.stop]
        update["sampling"] = step.sampling.model_copy(update={"stop": stop})
    return step.model_copy(update=update)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.model_dump(mode="json", exclude_unset=True) if hasattr(value, "model_dump") else value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in OPAQUE or not isinstance(item, str):
                yield from _strings(item)


def _value(value: Any, rewrite: Rewrite) -> Any:
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, list):
        return [_value(item, rewrite) for item in value]
    if isinstance(value, dict):
        return {
            key: item if key in OPAQUE and isinstance(item, str) else _value(item, rewrite)
            for key, item in value.items()
        }
    return value
