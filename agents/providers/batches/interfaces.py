"""The batch interfaces there are, and those of one configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents.providers.anthropic import SAMPLING_VERSION, x_api_key
from agents.providers.batches.anthropic import AnthropicBatches
from agents.providers.batches.endpoint import Endpoint
from agents.providers.batches.interface import BatchInterface
from agents.providers.batches.openai import OpenAIBatches
from agents.providers.endpoint import api_key, bearer
from schemas.settings import BatchSettings, ProviderSettings


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
    anthropic = section.batches == "anthropic"
    headers = {"anthropic-version": SAMPLING_VERSION} if anthropic else {}
    headers |= section.headers
    if section.api_key_env is not None:
        header, value = (x_api_key if anthropic else bearer)(api_key(name, section.api_key_env))
        headers[header] = value
    return headers
