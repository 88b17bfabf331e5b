"""Any server that speaks OpenAI's chat completions: vLLM, Ollama, DeepSeek, Mistral, a gateway."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from agents.providers.call_names import call_names
from agents.providers.chat_completions import chat_body, parse_reply
from agents.providers.endpoint import Endpoint
from agents.providers.protocol import Prompt, Reply, cache_key_of
from agents.providers.rate_limits import rate_limits
from agents.providers.retry_after import number
from schemas.settings import ProviderSettings

CHAT_PATH = "/chat/completions"
LATENCY_HEADER = "openai-processing-ms"


class OpenAICompatible:
    """One server.

    Args:
        name: As configured; named in errors.
        settings: `base_url`, `api_key_env`, `headers`, `leave_out`, `prompt_cache`,
            `prompt_cache_min_tokens`, `http2` and the timeouts are read.
        transport: Defaults to real connections.
        clock: Returns Unix seconds, to read dates in headers.

    Raises:
        ConfigurationError: `base_url` is missing or wrong, or the variable with the key is not set.
    """

    def __init__(
        self,
        name: str,
        settings: ProviderSettings,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = Endpoint(name, settings, transport=transport, clock=clock)
        self._leave_out = settings.leave_out
        self._least_cached = settings.least_cached(by_default=False)

    async def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        """Make one call; the runner keeps the time it may take in total."""
        body = chat_body(prompt.without(self._leave_out), model, cache_key=cache_key_of(prompt, self._least_cached))
        received = await self._endpoint.ask(CHAT_PATH, body, call_names(prompt, model, attempt))
        reply = parse_reply(received.body, prompt)
        latency_ms = number(received.headers.get(LATENCY_HEADER))
        return Reply(reply.answer, reply.tokens, latency_ms, rate_limits(received.headers, self._endpoint.now()))

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()
