"""Any server that speaks OpenAI's chat completions: OpenAI itself, vLLM, Ollama, a gateway."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

from agents.providers.chat_completions import chat_body, error_name, parse_reply
from agents.providers.connections import ConnectionStack
from agents.providers.protocol import Prompt, Reply
from schemas.errors import ConfigurationError, ProviderError, ProviderOverloaded, ProviderRefused, ProviderTimeout
from schemas.settings import ProviderSettings

REQUEST_ID_HEADER = "x-request-id"
LATENCY_HEADER = "openai-processing-ms"
TIMEOUT_STATUSES = frozenset({408, 504})
OVERLOADED_STATUSES = frozenset({409, 425, 429})
RATE_LIMITED = 429
FIRST_SERVER_ERROR = 500
CREDENTIAL_STATUSES = frozenset({401, 403})


class OpenAICompatible:
    """One server.

    Every call carries `x-request-id: <request id>/<attempt>`, so that both sides can tell calls apart. Requests go
    straight to the httpx transport: of what an `AsyncClient` adds (cookies, redirects, a log line per call) nothing
    is wanted here, and it costs a fifth more.

    Args:
        name: As configured; named in errors.
        settings: `base_url`, `api_key_env`, `headers` and the timeouts are read.
        transport: Defaults to real connections.
        clock: Returns Unix seconds, to read dates in `Retry-After`.

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
        self._url = _completions_url(name, settings.base_url)
        self._headers = {"content-type": "application/json", "accept": "application/json", **settings.headers}
        if settings.api_key_env is not None:
            self._headers["authorization"] = f"Bearer {_api_key(name, settings.api_key_env)}"
        self._timeouts = httpx.Timeout(settings.timeout_seconds, connect=settings.connect_timeout_seconds).as_dict()
        self._transport = transport or ConnectionStack()
        self._clock = clock

    async def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        """Make one call; the runner keeps the time it may take in total."""
        request = httpx.Request(
            "POST",
            self._url,
            headers={**self._headers, REQUEST_ID_HEADER: f"{prompt.id}/{attempt}"},
            content=chat_body(prompt, model),
            extensions={"timeout": self._timeouts},
        )
        try:
            response = await self._transport.handle_async_request(request)
            body = await response.aread()
        except httpx.TimeoutException as late:
            raise ProviderTimeout("provider_timeout", f"no answer in time ({type(late).__name__})") from late
        except (httpx.TransportError, httpx.DecodingError) as broken:
            raise ProviderOverloaded(
                "provider_unreachable", f"connection failed ({type(broken).__name__})"
            ) from broken
        if not response.is_success:
            raise self._failure(response, body)
        reply = parse_reply(body, prompt)
        return Reply(reply.answer, reply.tokens, _number(response.headers.get(LATENCY_HEADER)))

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _failure(self, response: httpx.Response, body: bytes) -> ProviderError:
        status = response.status_code
        name = error_name(body)
        message = f"status {status} ({name})" if name else f"status {status}"
        retry_after = _retry_after(response.headers.get("retry-after"), self._clock())
        if status in TIMEOUT_STATUSES:
            return ProviderTimeout("provider_timeout", message, retry_after)
        if status == RATE_LIMITED:
            return ProviderOverloaded("provider_rate_limited", message, retry_after)
        if status >= FIRST_SERVER_ERROR or status in OVERLOADED_STATUSES:
            return ProviderOverloaded("provider_overloaded", message, retry_after)
        if status in CREDENTIAL_STATUSES:
            return ProviderRefused("provider_refused", f"{message}: the key is missing or lacks rights")
        return ProviderRefused("provider_refused", message)


def _completions_url(name: str, base_url: str | None) -> httpx.URL:
    where = f"providers.{name}.base_url"
    if base_url is None:
        raise ConfigurationError(f"{where} is missing; set it to the server's URL up to and including /v1")
    try:
        url = httpx.URL(base_url.rstrip("/") + "/chat/completions")
    except httpx.InvalidURL as wrong:
        raise ConfigurationError(f"{where}: {wrong}; set it to a URL such as http://127.0.0.1:8000/v1") from wrong
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError(f"{where} must begin with http:// or https:// and name a host")
    return url


def _api_key(name: str, variable: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ConfigurationError(
            f"providers.{name}.api_key_env names {variable}, which holds no key; set that environment variable"
        )
    return key


def _retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds a `Retry-After` header asks for, be it a number or a date."""
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now)


def _number(value: str | None) -> float | None:
    """Return a header's non-negative finite number, or None."""
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
