"""OpenAI's chat completions format: our prompt as its body, its answer as our reply. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.providers.answers import delivered, estimated
from agents.providers.bills import billed
from agents.providers.protocol import ChatMessage, Prompt, Reply
from agents.providers.usage import Flavor
from schemas.errors import ProviderUnreadable
from schemas.wire import Answer

UNREADABLE = "provider_unreadable"


class _Body(msgspec.Struct, omit_defaults=True):
    """What is sent; what the request leaves open is left out, so that the model's own default holds."""

    model: str
    messages: list[ChatMessage]
    tools: list[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    seed: int | None = None
    stop: list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    prompt_cache_key: str | None = None


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


_encode = msgspec.json.Encoder().encode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_choices = msgspec.json.Decoder(list[_Choice]).decode


def chat_body(
    prompt: Prompt, model: str, *, limit_is_completion: bool = False, cache_key: str | None = None
) -> bytes:
    """Return the JSON body that asks this model.

    Args:
        prompt: What is asked.
        model: The model's name.
        limit_is_completion: Send the longest answer as `max_completion_tokens`, which OpenAI's own models want;
            others know only the older `max_tokens`.
        cache_key: Names the prompt cache to be used.
    """
    sampling = prompt.sampling
    messages = prompt.messages if prompt.prompt is None else [ChatMessage("user", prompt.prompt)]
    longest = sampling.max_output_tokens
    return _encode(
        _Body(
            model=model,
            messages=messages or [],
            tools=prompt.tools,
            response_format=prompt.response_format,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=None if limit_is_completion else longest,
            max_completion_tokens=longest if limit_is_completion else None,
            seed=sampling.seed,
            stop=sampling.stop,
            presence_penalty=sampling.presence_penalty,
            frequency_penalty=sampling.frequency_penalty,
            prompt_cache_key=cache_key,
        )
    )


def parse_reply(body: bytes, prompt: Prompt) -> Reply:
    """Read a chat completion; tokens are estimated when the provider does not tell.

    Raises:
        ProviderUnreadable: The body is not a chat completion with a choice; carries what was billed, if it says so.
        ProviderContentFiltered: The provider's rules left nothing of the answer; carries what was billed.
    """
    try:
        envelope = _decode_envelope(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ProviderUnreadable(UNREADABLE, "the answer is not a JSON object") from wrong
    bill = billed(Flavor.COMPATIBLE, envelope.usage)
    try:
        choice = _decode_choices(envelope.choices)[0]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError) as wrong:
        raise ProviderUnreadable(UNREADABLE, "the answer has no readable choice", bill) from wrong
    message = choice.message
    answer = Answer(message.content, message.tool_calls or None, choice.finish_reason)
    return delivered(answer, bill or estimated(prompt, answer))
