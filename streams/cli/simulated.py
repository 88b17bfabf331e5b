"""Settings for a stack of its own that cannot make a real call."""

from __future__ import annotations

from pathlib import Path

from schemas.settings import ProviderSettings, Settings, Signatures
from streams.cli.invocation import Invocation
from streams.embedded.state import find_stack

KIND = "simulated"


def simulated_only(invocation: Invocation, folder: Path) -> Settings:
    """Return settings for a stack on free ports and in this folder, whose providers are all simulated.

    Nobody else reaches it, so nobody signs.
    """
    settings = invocation.settings()
    embedded = settings.embedded.model_copy(update={"data_dir": folder, "broker_port": 0, "clickhouse_port": 0})
    providers = {
        name: provider if provider.kind == KIND else ProviderSettings(kind=KIND)
        for name, provider in settings.providers.items()
    }
    governance = settings.governance.model_copy(update={"signatures": Signatures.OFF})
    return settings.model_copy(update={"embedded": embedded, "providers": providers, "governance": governance})


def runs_simulated(settings: Settings) -> bool:
    """Return whether a stack runs here that, as configured, could not make a real call if it wanted to."""
    running = find_stack(settings.embedded.data_dir)
    return running is not None and all(provider.kind == KIND for provider in settings.providers.values())
