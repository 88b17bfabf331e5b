"""The parts of a chat message in OpenAI's chat format, read for providers that write them another way. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from agents.providers.protocol import ChatMessage
from schemas.errors import ProviderBadRequest

Shape = TypeVar("Shape")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class ToolCall(msgspec.Struct, frozen=True):
    """A function the assistant called; `arguments` is JSON."""

    id: str
    name: str
    arguments: str


class FunctionTool(msgspec.Struct, frozen=True):
    """A function the model may call, with the JSON schema of its parameters."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Image(msgspec.Struct, frozen=True):
    """An image of a message: a web address, or a `data:` address with the image itself."""

    url: str
    detail: str | None = None


def parts_of(message: ChatMessage) -> Iterator[str | Image]:
    """Give the texts and images of a message, in order.

    Raises:
        ProviderBadRequest: A part is neither.
    """
    if isinstance(message.content, str):
        yield message.content
        return
    for part in message.content or ():
        kind = part.get("type", "text" if "text" in part else None)
        if kind == "text":
            yield str(part.get("text", ""))
        elif kind == "refusal":
            yield str(part.get("refusal", ""))
        elif kind == "image_url":
            yield _read(part.get("image_url"), Image, "an image part")
        else:
            raise untranslatable(f"a content part of type {kind!r}")


def tool_calls_of(message: ChatMessage) -> list[ToolCall]:
    """Return the functions that an assistant's message calls.

    Raises:
        ProviderBadRequest: A call is not one of a function.
    """
    found = []
    for call in message.tool_calls or ():
        function = call.get("function")
        if not isinstance(function, dict):
            raise untranslatable("a tool call without a function")
        found.append(_read({**function, "id": call.get("id")}, ToolCall, "a tool call"))
    return found


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """Return a call's arguments as an object.

    Raises:
        ProviderBadRequest: They are no JSON object.
    """
    try:
        return _decode(call.arguments or "{}")
    except msgspec.DecodeError as wrong:
        raise untranslatable("a tool call whose arguments are no JSON object") from wrong


def function_tools(tools: list[dict[str, Any]] | None) -> list[FunctionTool]:
    """Return the functions a model may call.

    Raises:
        ProviderBadRequest: A tool is not a function.
    """
    return [_read(tool.get("function"), FunctionTool, f"a tool of type {tool.get('type')!r}") for tool in tools or ()]


def _read(value: Any, kind: type[Shape], what: str) -> Shape:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as wrong:
        raise untranslatable(what) from wrong


def untranslatable(what: str) -> ProviderBadRequest:
    """Return the error of a request that the provider's format has no words for."""
    return ProviderBadRequest("provider_bad_request", f"{what} cannot be put in this provider's format")
