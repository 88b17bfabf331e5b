"""Anthropic, through its messages interface."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from agents.providers.call_names import call_names
from agents.providers.endpoint import Endpoint
from agents.providers.messages import message_body, parse_message
from agents.providers.protocol import Prompt, Reply
from agents.providers.rate_limits import rate_limits
from schemas.settings import ProviderSettings

BASE_URL = "https://api.anthropic.com/v1"
KEY_VARIABLE = "ANTHROPIC_API_KEY"
VERSION = "2026-10-21"
SAMPLING_VERSION = "2023-06-01"
"""The last version of the interface that takes a temperature or `top_p`; since then they are errors."""
MESSAGES_PATH = "/messages"


def x_api_key(key: str) -> tuple[str, str]:
    """Return the header that carries a key."""
    return "x-api-key", key


def anthropic_endpoint(
    name: str,
    settings: ProviderSettings,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], float] = time.time,
) -> Endpoint:
    """Return Anthropic's service, for calls and for batches alike.

    Raises:
        ConfigurationError: `base_url` is wrong, or the variable with the key is not set.
    """
    return Endpoint(
        name,
        settings,
        x_api_key,
        default_url=BASE_URL,
        default_key=KEY_VARIABLE,
        headers={"anthropic-version": VERSION},
        transport=transport,
        clock=clock,
    )


def version_header(prompt: Prompt) -> dict[str, str]:
    """Return the version of the interface that can be told all that this prompt asks for."""
    sampled = prompt.sampling.temperature is not None or prompt.sampling.top_p is not None
    return {"anthropic-version": SAMPLING_VERSION if sampled else VERSION}


class Anthropic:
    """Anthropic.

    A request that sets a temperature or `top_p` is sent to the older version of the interface, which takes them; list
    them in `leave_out` for models that take them nowhere.

    Args:
        name: As configured; named in errors.
        settings: `base_url`, `api_key_env`, `headers`, `leave_out`, `max_output_tokens`, `prompt_cache`,
            `prompt_cache_min_tokens`, `http2` and the timeouts are read.
        transport: Defaults to real connections.
        clock: Returns Unix seconds, to read dates in headers.

    Raises:
        ConfigurationError: `base_url` is wrong, or the variable with the key is not set.
    """

    def __init__(
        self,
        name: str,
        settings: ProviderSettings,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = anthropic_endpoint(name, settings, transport, clock)
        self._leave_out = settings.leave_out
        self._longest = settings.max_output_tokens
        self._least_cached = settings.least_cached(by_default=True)

    async def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        """Make one call; the runner keeps the time it may take in total."""
        asked = prompt.without(self._leave_out)
        body = message_body(asked, model, self._longest, self._least_cached)
        headers = call_names(prompt, model, attempt) | version_header(asked)
        received = await self._endpoint.ask(MESSAGES_PATH, body, headers)
        reply = parse_message(received.body, prompt)
        return Reply(reply.answer, reply.tokens, None, rate_limits(received.headers, self._endpoint.now()))

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()
