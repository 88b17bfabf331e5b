"""OpenAI's chat completions format: our prompt as its body, its answer as our reply. Pure."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from agents.providers.protocol import ChatMessage, Prompt, Reply
from agents.providers.usage import Flavor, extract
from schemas.errors import ProviderUnreadable, UsageUnreadable
from schemas.tokens import estimate_text_tokens
from schemas.wire import Answer, Tokens

UNREADABLE = "provider_unreadable"

logger = logging.getLogger(__name__)


class _Body(msgspec.Struct, omit_defaults=True):
    """What is sent; what the request leaves open is left out, so that the model's own default holds."""

    model: str
    messages: list[ChatMessage]
    tools: list[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Envelope(msgspec.Struct):
    """The parts are decoded one by one: an unreadable choice must not hide what was billed for it."""

    choices: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()


class _ErrorDetail(msgspec.Struct):
    code: str | int | None = None
    type: str | None = None
    param: str | None = None


class _Error(msgspec.Struct):
    error: _ErrorDetail


_encode = msgspec.json.Encoder().encode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_choices = msgspec.json.Decoder(list[_Choice]).decode
_decode_error = msgspec.json.Decoder(_Error).decode


def chat_body(prompt: Prompt, model: str) -> bytes:
    """Return the JSON body that asks this model."""
    sampling = prompt.sampling
    messages = prompt.messages if prompt.prompt is None else [ChatMessage("user", prompt.prompt)]
    return _encode(
        _Body(
            model=model,
            messages=messages or [],
            tools=prompt.tools,
            response_format=prompt.response_format,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_output_tokens,
            seed=sampling.seed,
            stop=sampling.stop,
            presence_penalty=sampling.presence_penalty,
            frequency_penalty=sampling.frequency_penalty,
        )
    )


def parse_reply(body: bytes, prompt: Prompt) -> Reply:
    """Read a chat completion; tokens are estimated when the provider does not tell.

    Raises:
        ProviderUnreadable: The body is not a chat completion with a choice; carries what was billed, if it says so.
    """
    try:
        envelope = _decode_envelope(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ProviderUnreadable(UNREADABLE, "the answer is not a JSON object") from wrong
    billed = _tokens(envelope.usage)
    try:
        choice = _decode_choices(envelope.choices)[0]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError) as wrong:
        raise ProviderUnreadable(UNREADABLE, "the answer has no readable choice", billed) from wrong
    message = choice.message
    answer = Answer(message.content, message.tool_calls or None, choice.finish_reason)
    return Reply(answer, billed or _estimate(prompt, answer))


def error_name(body: bytes) -> str:
    """Return the identifiers of an error body for people, or an empty string.

    The message itself is left out: providers quote keys and prompts in it.
    """
    try:
        error = _decode_error(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    names = (error.code, error.type, error.param)
    return ", ".join(str(name) for name in names if name is not None and str(name).replace("_", "").isalnum())


def _tokens(raw: msgspec.Raw) -> Tokens | None:
    """Return what was billed, or None when that cannot be read."""
    try:
        reading = extract(Flavor.COMPATIBLE, raw)
    except UsageUnreadable as unreadable:
        logger.debug("a bill is estimated", extra={"reason": unreadable.message})
        return None
    if reading.doubts:
        logger.warning("a bill contradicts itself", extra={"doubts": reading.doubts})
    return reading.tokens


def _estimate(prompt: Prompt, answer: Answer) -> Tokens:
    said = (answer.content or "") + (_encode(answer.tool_calls).decode() if answer.tool_calls else "")
    return Tokens(estimate_text_tokens(prompt.text), 0, estimate_text_tokens(said))
