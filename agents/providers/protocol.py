"""The extension point: what a provider is given and what it gives back.

Adding a provider is one new file with a class of this shape, and one line in `registry.py`.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Collection
from typing import Any, Protocol

import msgspec

from agents.providers.rate_limits import RateLimits
from schemas.batch import Call, Cut, SharedPrefix
from schemas.wire import Answer, Tokens


class ChatMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One chat message of a request; `content` is text or a list of content parts."""

    role: str
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The readable part of the content; empty for images and tool calls."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(str(part["text"]) for part in self.content or () if "text" in part)


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the answer is drawn; None means the model's own default."""

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    seed: int | None = None
    stop: list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class Prompt(msgspec.Struct, frozen=True):
    """What a provider needs to know of a request, decoded once from the call's body.

    Attributes:
        id: The request's id, unique within its tenant.
        prompt: The input as plain text; otherwise `messages` carries it.
        tenant: Whose request it is.
    """

    id: str
    prompt: str | None = None
    messages: list[ChatMessage] | None = None
    tools: list[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = None
    sampling: Sampling = Sampling()
    tenant: str = ""

    @property
    def text(self) -> str:
        """Everything readable the model is sent."""
        if self.prompt is not None:
            return self.prompt
        return "\n".join(message.text for message in self.messages or ())

    @property
    def question(self) -> str:
        """The plain prompt, or what the user said last."""
        if self.prompt is not None:
            return self.prompt
        return next((message.text for message in reversed(self.messages or ()) if message.role == "user"), "")

    def without(self, parameters: Collection[str]) -> Prompt:
        """Return this prompt with these sampling parameters left to the model's own default."""
        if not parameters:
            return self
        left_out = dict.fromkeys(parameters)
        return msgspec.structs.replace(self, sampling=msgspec.structs.replace(self.sampling, **left_out))


class MarkedPrompt(Prompt, frozen=True, kw_only=True):
    """The same of a request whose beginnings others share. A class of its own: no body can say so of itself.

    Attributes:
        prefix: Where the shared beginnings end.
    """

    prefix: SharedPrefix


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A provider's answer to one call, as billed.

    Attributes:
        latency_ms: As the provider itself reports it; None when only the caller's clock knows.
        limits: What the provider still allows, if it tells.
    """

    answer: Answer
    tokens: Tokens
    latency_ms: float | None = None
    limits: RateLimits | None = None


class Provider(Protocol):
    """Something that answers prompts.

    The runner limits, times, retries and cuts calls; a provider makes one call at a time for each `complete`, and
    never retries or waits for its turn itself.
    """

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply | Awaitable[Reply]:
        """Ask the model.

        Write it as `async def` when it waits for a network. A provider that knows the answer returns it at once, and
        one that only waits for a timer returns an `asyncio.Future`: neither then costs a task per call.

        Args:
            prompt: What is asked.
            model: The model's name.
            attempt: Counts the calls made for this request from 1; request id and attempt name a call.

        Raises:
            ProviderError: Of the kind that says whether another attempt may succeed. Anything else is a bug.
        """
        ...

    async def close(self) -> None:
        """Release connections and files; no call is under way any more."""
        ...


decode_prompt = msgspec.json.Decoder(Prompt).decode
"""Decode the body of a call. Raises `msgspec.DecodeError`, which is a bug of whoever admitted it."""


def prompt_of(call: Call) -> Prompt:
    """Return what a call asks, and where its shared beginnings end if it says so; raises as `decode_prompt` does."""
    prompt = decode_prompt(call.body)
    return prompt if call.prefix is None else MarkedPrompt(**msgspec.structs.asdict(prompt), prefix=call.prefix)


def cuts_of(prompt: Prompt, least_tokens: float) -> tuple[Cut, ...]:
    """Return where the shared beginnings of a prompt end that are long enough to be cached."""
    if not isinstance(prompt, MarkedPrompt):
        return ()
    return tuple(cut for cut in prompt.prefix.cuts if cut.tokens >= least_tokens)


def cache_key_of(prompt: Prompt, least_tokens: float) -> str | None:
    """Return what names the requests that should meet the same prompt cache; None where it is not told."""
    return prompt.prefix.key if isinstance(prompt, MarkedPrompt) and math.isfinite(least_tokens) else None
