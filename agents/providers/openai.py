"""OpenAI itself, through chat completions or the responses interface."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from agents.providers.call_names import CLIENT_REQUEST_ID, REQUEST_ID, call_names
from agents.providers.chat_completions import chat_body, parse_reply
from agents.providers.endpoint import Endpoint
from agents.providers.openai_compatible import CHAT_PATH, LATENCY_HEADER
from agents.providers.protocol import Prompt, Reply, cache_key_of
from agents.providers.rate_limits import rate_limits
from agents.providers.responses import parse_response, response_body
from agents.providers.retry_after import number
from schemas.settings import ProviderSettings

BASE_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
RESPONSES_PATH = "/responses"


def openai_endpoint(
    name: str,
    settings: ProviderSettings,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], float] = time.time,
) -> Endpoint:
    """Return OpenAI's service, for calls and for batches alike.

    Raises:
        ConfigurationError: `base_url` is wrong, or the variable with the key is not set.
    """
    return Endpoint(name, settings, default_url=BASE_URL, default_key=KEY_VARIABLE, transport=transport, clock=clock)


class OpenAI:
    """OpenAI.

    Args:
        name: As configured; named in errors.
        settings: `interface`, `base_url`, `api_key_env`, `headers`, `leave_out`, `prompt_cache`,
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
        self._endpoint = openai_endpoint(name, settings, transport, clock)
        self._leave_out = settings.leave_out
        self._least_cached = settings.least_cached(by_default=True)
        self._responses = settings.interface == "responses"

    async def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        """Make one call; the runner keeps the time it may take in total."""
        names = call_names(prompt, model, attempt)
        names[CLIENT_REQUEST_ID] = names[REQUEST_ID]
        asked = prompt.without(self._leave_out)
        cache_key = cache_key_of(prompt, self._least_cached)
        if self._responses:
            received = await self._endpoint.ask(RESPONSES_PATH, response_body(asked, model, cache_key), names)
            reply = parse_response(received.body, prompt)
        else:
            body = chat_body(asked, model, limit_is_completion=True, cache_key=cache_key)
            received = await self._endpoint.ask(CHAT_PATH, body, names)
            reply = parse_reply(received.body, prompt)
        latency_ms = number(received.headers.get(LATENCY_HEADER))
        return Reply(reply.answer, reply.tokens, latency_ms, rate_limits(received.headers, self._endpoint.now()))

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()
