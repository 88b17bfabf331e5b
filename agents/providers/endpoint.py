"""One HTTP service of a provider: its URL, key and timeouts, and how an exchange with it may fail."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

import httpx
import msgspec

from agents.providers.connections import ConnectionStack
from agents.providers.multiplexing import StreamStack
from agents.providers.refusals import refusal
from schemas.errors import ConfigurationError, ProviderTimeout, ProviderUnreachable
from schemas.settings import ProviderSettings

MAX_KEPT_URLS = 8  # calls always go to the same few paths; others name a file or a job and come once

KeyHeader = Callable[[str], tuple[str, str]]
"""Returns the header that carries a key."""


def bearer(key: str) -> tuple[str, str]:
    """Return the header of OpenAI and most others."""
    return "authorization", f"Bearer {key}"


class Received(msgspec.Struct, frozen=True):
    """An answer with success; `headers` by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes


class Endpoint:
    """Where a provider is asked. Requests go straight to the httpx transport.

    Of what an `AsyncClient` adds (cookies, redirects, a log line per call) nothing is wanted here, and it costs a
    fifth more.

    Args:
        name: The provider's, as configured; named in errors.
        settings: `base_url`, `api_key_env`, `headers`, `http2` and the timeouts are read.
        key_header: How the key is sent.
        default_url: Where the settings name no `base_url`.
        default_key: Variable that holds the key where the settings name none; None sends no key then.
        headers: Sent with every request besides those configured.
        transport: Defaults to real connections.
        clock: Returns Unix seconds, to read dates in headers.

    Raises:
        ConfigurationError: `base_url` is missing or wrong, or the variable with the key is not set.
    """

    def __init__(
        self,
        name: str,
        settings: ProviderSettings,
        key_header: KeyHeader = bearer,
        *,
        default_url: str | None = None,
        default_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._base = _base_url(name, settings.base_url or default_url)
        self._urls: dict[str, httpx.URL] = {}
        self._headers = {"content-type": "application/json", "accept": "application/json", **(headers or {})}
        self._headers |= settings.headers
        variable = settings.api_key_env or default_key
        if variable is not None:
            header, value = key_header(api_key(name, variable))
            self._headers[header] = value
        self._timeouts = httpx.Timeout(settings.timeout_seconds, connect=settings.connect_timeout_seconds).as_dict()
        self._transport = transport or (StreamStack() if settings.http2 else ConnectionStack())
        self._clock = clock

    async def ask(self, path: str, body: bytes, headers: Mapping[str, str]) -> Received:
        """Post a JSON body; see `send`."""
        return await self.send("POST", path, body, headers)

    async def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Received:
        """Make one exchange and read its whole answer.

        Args:
            method: Of the request.
            path: Below the base URL, beginning with a slash.
            body: Sent as it is.
            headers: Of this request; they win over the endpoint's.

        Raises:
            ProviderError: There was no answer, or one without success, of the kind that says what follows.
        """
        request = httpx.Request(
            method,
            self._url(path),
            headers={**self._headers, **headers},
            content=body,
            extensions={"timeout": self._timeouts},
        )
        try:
            response = await self._transport.handle_async_request(request)
            content = await response.aread()
        except httpx.TimeoutException as late:
            raise ProviderTimeout("provider_timeout", f"no answer in time ({type(late).__name__})") from late
        except (httpx.TransportError, httpx.DecodingError) as broken:
            raise ProviderUnreachable(
                "provider_unreachable", f"connection failed ({type(broken).__name__})"
            ) from broken
        told = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers.raw}
        if not response.is_success:
            raise refusal(response.status_code, told, content, self._clock())
        return Received(response.status_code, told, content)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def now(self) -> float:
        """Return Unix seconds, by the clock that reads dates in headers."""
        return self._clock()

    def _url(self, path: str) -> httpx.URL:
        url = self._urls.get(path) or httpx.URL(self._base + path)
        if len(self._urls) < MAX_KEPT_URLS:
            self._urls[path] = url
        return url


def _base_url(name: str, base_url: str | None) -> str:
    where = f"providers.{name}.base_url"
    if base_url is None:
        raise ConfigurationError(f"{where} is missing; set it to the server's URL up to and including /v1")
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as wrong:
        raise ConfigurationError(f"{where}: {wrong}; set it to a URL such as http://127.0.0.1:8000/v1") from wrong
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError(f"{where} must begin with http:// or https:// and name a host")
    return base_url.rstrip("/")


def api_key(name: str, variable: str) -> str:
    """Return the key that an environment variable holds; raises ConfigurationError when it holds none."""
    key = os.environ.get(variable, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ConfigurationError(
            f"providers.{name}.api_key_env names {variable}, which holds no key; set that environment variable"
        )
    return key
