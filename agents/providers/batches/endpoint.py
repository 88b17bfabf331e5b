"""HTTP to a batch interface: few, large and slow messages, unlike the calls of `connections.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from schemas.errors import (
    ConfigurationError,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreadable,
)

UNKNOWN_OUTCOME = frozenset({408, 409, 425, 429})
FIRST_SERVER_ERROR = 500

Shape = TypeVar("Shape")


class Endpoint:
    """One server.

    Args:
        name: Of the provider; named in errors.
        base_url: Up to and including `/v1`.
        headers: Sent with every message; may hold the key.
        timeout_seconds: Longest wait for the next bytes.
        transport: Defaults to real connections.

    Raises:
        ConfigurationError: The URL is missing or wrong.
    """

    def __init__(
        self,
        name: str,
        base_url: str | None,
        headers: Mapping[str, str],
        timeout_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        where = f"providers.{name}.base_url"
        if base_url is None:
            raise ConfigurationError(f"{where} is missing; batches need the server's URL up to and including /v1")
        if not base_url.startswith(("http://", "https://")):
            raise ConfigurationError(f"{where} must begin with http:// or https://")
        self._client = httpx.AsyncClient(
            base_url=base_url.rstrip("/"), headers=dict(headers), timeout=timeout_seconds, transport=transport
        )

    async def ask(self, shape: type[Shape], method: str, path: str, **content: Any) -> Shape:
        """Send one message and read its answer as a shape.

        Raises:
            ProviderRefused: The server says no.
            ProviderOverloaded, ProviderTimeout, ProviderUnreadable: Nobody knows whether it did what was asked.
        """
        try:
            response = await self._client.request(method, path, **content)
        except httpx.TimeoutException as late:
            raise ProviderTimeout("provider_timeout", f"no answer in time ({type(late).__name__})") from late
        except (httpx.TransportError, httpx.DecodingError) as broken:
            raise _unreachable(broken) from broken
        _check(response.status_code)
        try:
            return msgspec.json.decode(response.content, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            raise ProviderUnreadable("provider_unreadable", f"the answer to {method} {path} is unreadable") from wrong

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """Yield the lines of a JSONL body as they come; raises as `ask` does."""
        try:
            async with self._client.stream("GET", path) as response:
                _check(response.status_code)
                rest = b""
                async for chunk in response.aiter_bytes():
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        if line.strip():
                            yield line
                if rest.strip():
                    yield rest
        except httpx.TimeoutException as late:
            raise ProviderTimeout("provider_timeout", f"no answer in time ({type(late).__name__})") from late
        except (httpx.TransportError, httpx.DecodingError) as broken:
            raise _unreachable(broken) from broken

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _check(status: int) -> None:
    if status < 300:
        return
    if status >= FIRST_SERVER_ERROR or status in UNKNOWN_OUTCOME:
        raise ProviderOverloaded("provider_overloaded", f"status {status}")
    raise ProviderRefused("provider_refused", f"status {status}")


def _unreachable(broken: Exception) -> ProviderOverloaded:
    return ProviderOverloaded("provider_unreachable", f"connection failed ({type(broken).__name__})")
