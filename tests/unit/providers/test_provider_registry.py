from __future__ import annotations

from pathlib import Path

import pytest

from agents.providers.openai_compatible import OpenAICompatible
from agents.providers.registry import build_providers
from agents.providers.simulated import Simulated
from schemas.errors import ConfigurationError
from schemas.registry import ModelRegistry
from tests.unit.providers.calls import settings

NO_MODELS = ModelRegistry((), "none")


async def test_every_configured_provider_is_made() -> None:
    providers = build_providers(
        {"a": settings(), "b": settings("openai-compatible", base_url="http://127.0.0.1:1/v1")}, NO_MODELS
    )
    assert list(map(type, providers.values())) == [Simulated, OpenAICompatible]
    for provider in providers.values():
        await provider.close()


def test_the_shipped_models_name_shipped_providers() -> None:
    models = ModelRegistry.load(Path("config/models.yaml"))
    assert set(build_providers({"simulated": settings()}, models)) == {"simulated"}


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("carrier-pigeon", {}, r"providers\.p\.kind: unknown kind 'carrier-pigeon'; use one of: simulated, recorded"),
        ("openai-compatible", {}, r"providers\.p\.base_url is missing"),
        ("openai-compatible", {"base_url": "localhost:8000/v1"}, "must begin with http"),
        ("openai-compatible", {"base_url": "http:///v1"}, "name a host"),
        ("openai-compatible", {"base_url": "http://[::1/v1"}, r"providers\.p\.base_url"),
        ("recorded", {}, r"providers\.p\.recording is missing"),
    ],
)
def test_wrong_settings_are_named_with_their_remedy(kind: str, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build_providers({"p": settings(kind, **changes)}, NO_MODELS)


@pytest.mark.parametrize("key", [None, "", "  ", "two\nlines", "schlüssel"])
def test_a_key_that_is_not_there_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    if key is None:
        monkeypatch.delenv("PROVIDER_KEY", raising=False)
    else:
        monkeypatch.setenv("PROVIDER_KEY", key)
    section = settings("openai-compatible", base_url="http://127.0.0.1:1/v1", api_key_env="PROVIDER_KEY")
    with pytest.raises(ConfigurationError, match=r"providers\.p\.api_key_env names PROVIDER_KEY") as raised:
        build_providers({"p": section}, NO_MODELS)
    assert not key or key.strip() == "" or key not in str(raised.value)


def test_a_model_at_an_unconfigured_provider_is_named() -> None:
    models = ModelRegistry.load(Path("config/models.yaml"))
    with pytest.raises(
        ConfigurationError, match=r"names provider 'simulated', which is not configured; add providers\."
    ):
        build_providers({"other": settings()}, models)
