"""OpenAI's Batch input: `{"custom_id", "method", "url", "body"}` with a chat completion as the body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.errors import InvalidEvent

CHAT_COMPLETIONS = "/v1/chat/completions"
REMEDY = "correct the line and submit it again"

SAMPLING: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
"""Body fields that are sampling parameters under Asahi's names; a later one wins."""

WITHOUT_EFFECT: Mapping[str, tuple[Any, ...]] = {
    "stream": (False,),
    "n": (1,),
    "logprobs": (False,),
    "tool_choice": ("auto",),
    "parallel_tool_calls": (True,),
    "store": (False, True),
    "service_tier": ("auto", "default", "flex", "priority"),
}
"""Body fields that may be present with a value that asks for nothing Asahi cannot do."""


def request_fields(document: Mapping[str, Any], *, autopilot: bool) -> dict[str, Any]:
    """Return the fields of our request that an OpenAI batch line asks for, without id and tenant.

    A field that would change the answer and cannot be honoured is an error, never ignored.

    Raises:
        InvalidEvent: The line is no chat completion, or asks for something Asahi does not do.
    """
    if document.get("method", "POST") != "POST":
        raise _invalid("method", "must be POST")
    if document.get("url") != CHAT_COMPLETIONS:
        raise _invalid("url", f"must be {CHAT_COMPLETIONS}")
    body = document.get("body")
    if not isinstance(body, dict):
        raise _invalid("body", "must be an object")
    fields = _fields_of_body(body)
    model = body.get("model")
    if not autopilot:
        if not isinstance(model, str):
            raise _invalid("body.model", "must name a model, unless the choice is left to Asahi (--autopilot)")
        fields |= {"mode": "explicit", "model": model}
    return fields


def _fields_of_body(body: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    sampling: dict[str, Any] = {}
    for name, value in body.items():
        if value is None or name == "model":
            continue
        if name == "messages":
            fields["messages"] = _messages(value)
        elif name in SAMPLING:
            sampling[SAMPLING[name]] = value
        elif name == "stop":
            sampling["stop"] = [value] if isinstance(value, str) else value
        elif name in ("tools", "response_format", "user"):
            fields[name] = value
        elif name == "metadata":
            fields["tags"] = value
        elif value not in WITHOUT_EFFECT.get(name, ()):
            raise _invalid(f"body.{name}", "is not supported with this value; leave it out")
    if sampling:
        fields["sampling"] = sampling
    return fields


def _messages(messages: object) -> object:
    """Drop fields that are null: OpenAI's own clients write them when they repeat an answer."""
    if not isinstance(messages, list):
        return messages
    return [
        {name: value for name, value in message.items() if value is not None}
        if isinstance(message, dict)
        else message
        for message in messages
    ]


def _invalid(field: str, message: str) -> InvalidEvent:
    return InvalidEvent("invalid_field", f"{field} {message}", REMEDY, field)
