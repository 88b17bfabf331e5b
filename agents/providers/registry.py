"""The kinds of providers there are, and those of one configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents.providers.anthropic import Anthropic
from agents.providers.openai import OpenAI
from agents.providers.openai_compatible import OpenAICompatible
from agents.providers.protocol import Provider
from agents.providers.recorded import Recorded
from agents.providers.simulated import Simulated
from schemas.errors import ConfigurationError
from schemas.registry import ModelRegistry
from schemas.settings import ProviderSettings

KINDS: dict[str, Callable[[str, ProviderSettings], Provider]] = {
    "simulated": Simulated,
    "recorded": Recorded,
    "openai-compatible": OpenAICompatible,
    "openai": OpenAI,
    "anthropic": Anthropic,
}
"""A new kind is one line here: its name, and what makes a provider from its name and settings."""


def build_providers(settings: Mapping[str, ProviderSettings], models: ModelRegistry) -> dict[str, Provider]:
    """Make every configured provider.

    Args:
        settings: By provider name.
        models: What they are asked for; each model's providers must be configured.

    Raises:
        ConfigurationError: A kind is unknown, a provider's settings are wrong, or a model names an unconfigured
            provider.
    """
    check_models(settings, models)
    return {name: _build(name, section) for name, section in settings.items()}


def check_models(settings: Mapping[str, ProviderSettings], models: ModelRegistry) -> None:
    """Check that every model's providers are configured.

    Raises:
        ConfigurationError: One is not; names the model and the provider.
    """
    for model in models:
        for name in model.providers:
            if name not in settings:
                raise ConfigurationError(
                    f"model {model.name!r} names provider {name!r}, which is not configured; "
                    f"add providers.{name}, or choose one of: {', '.join(settings)}"
                )


def _build(name: str, section: ProviderSettings) -> Provider:
    kind = KINDS.get(section.kind)
    if kind is None:
        raise ConfigurationError(
            f"providers.{name}.kind: unknown kind {section.kind!r}; use one of: {', '.join(KINDS)}"
        )
    return kind(name, section)
