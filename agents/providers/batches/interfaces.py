"""The batch interfaces there are, and those of one configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from agents.providers.batches.anthropic import AnthropicBatches
from agents.providers.batches.endpoint import Endpoint
from agents.providers.batches.interface import BatchInterface
from agents.providers.batches.openai import OpenAIBatches
from schemas.errors import ConfigurationError
from schemas.settings import BatchSettings, ProviderSettings

ANTHROPIC_VERSION = "2023-06-01"


def _openai(endpoint: Endpoint) -> BatchInterface:
    return OpenAIBatches(endpoint)


def _anthropic(endpoint: Endpoint) -> BatchInterface:
    return AnthropicBatches(endpoint)


INTERFACES: dict[str, Callable[[Endpoint], BatchInterface]] = {"openai": _openai, "anthropic": _anthropic}


def build_interfaces(providers: Mapping[str, ProviderSettings], settings: BatchSettings) -> dict[str, BatchInterface]:
    """Return the batch interface of every provider that has one.

    Raises:
        ConfigurationError: A provider's address or key is missing.
    """
    return {
        name: INTERFACES[section.batches](
            Endpoint(name, section.batches_url or section.base_url, _headers(name, section), settings.timeout_seconds)
        )
        for name, section in providers.items()
        if section.batches is not None
    }


def _headers(name: str, section: ProviderSettings) -> dict[str, str]:
    key = _key(name, section.api_key_env)
    if section.batches == "anthropic":
        named = {"anthropic-version": ANTHROPIC_VERSION, **section.headers}
        return named if key is None else {**named, "x-api-key": key}
    return dict(section.headers) if key is None else {**section.headers, "authorization": f"Bearer {key}"}


def _key(name: str, variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ConfigurationError(
            f"providers.{name}.api_key_env names {variable}, which holds no key; set that environment variable"
        )
    return key
