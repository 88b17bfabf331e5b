"""What a command knows before it begins: its settings, and where the running stack is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.settings import GovernanceSettings, Settings, load_settings
from streams.cli.display import program_on
from streams.embedded.state import StackState, find_stack
from streams.master_key import own_master_key_file, own_vault


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options of `asahi` itself, and what follows from them.

    Attributes:
        data_dir: Folder of the embedded stack, where given.
    """

    data_dir: Path | None = None

    def settings(self, **overrides: Any) -> Settings:
        """Return the configuration.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        if self.data_dir is not None:
            overrides["embedded"] = overrides.get("embedded", {}) | {"data_dir": self.data_dir}
        return load_settings(**overrides)

    def absence(self) -> str:
        """Return what to do where a stack of this machine is meant and none runs; empty otherwise."""
        settings = self.settings()
        elsewhere = "bootstrap" in settings.kafka.model_fields_set or "url" in settings.clickhouse.model_fields_set
        data_dir = settings.embedded.data_dir
        if elsewhere or find_stack(data_dir) is not None:
            return ""
        return (
            f"Nothing runs on the data folder {data_dir}: start it with `{program_on(data_dir)} up`, name another "
            "with --data-dir, or say with kafka.bootstrap and clickhouse.url where else to look."
        )

    def attached(self) -> Settings:
        """Return the configuration, with broker and ClickHouse of the running stack where it names no others.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        settings = self.settings()
        state = find_stack(settings.embedded.data_dir)
        return settings if state is None else attach(settings, state)


def processes_of(settings: Settings) -> dict[str, str]:
    """Return `host:port` of the figures of each process of the running stack, by name; none where none runs."""
    state = find_stack(settings.embedded.data_dir)
    return {} if state is None else state.processes


def attach(settings: Settings, state: StackState, *, forced: bool = False) -> Settings:
    """Return the settings that reach a running stack.

    Args:
        settings: What is configured; an explicit broker or ClickHouse stays.
        state: Where the stack listens.
        forced: Override what is explicit too: for processes that belong to the stack.
    """
    kafka, clickhouse = settings.kafka, settings.clickhouse
    if forced or "bootstrap" not in kafka.model_fields_set:
        own = {
            "bootstrap": state.bootstrap,
            "fetch_max_wait_ms": settings.embedded.fetch_max_wait_ms,
            "idempotent_producer": False,
            "replication": 1,
        }
        kafka = kafka.model_copy(update=own)
    if forced or "url" not in clickhouse.model_fields_set:
        clickhouse = clickhouse.model_copy(update={"url": state.clickhouse_url})
    updated = {"kafka": kafka, "clickhouse": clickhouse, "governance": _governance(settings)}
    return settings.model_copy(update=updated)


def _governance(settings: Settings) -> GovernanceSettings:
    """Return the settings of governance, with the embedded stack's own key and vault where none is configured."""
    governance = settings.governance
    own = own_master_key_file(settings.embedded.data_dir)
    if not own.exists():
        return governance
    updates: dict[str, object] = {}
    if governance.master_key is None and governance.master_key_file is None:
        updates["master_key_file"] = own.absolute()
    if governance.vault_dir is None:
        updates["vault_dir"] = own_vault(settings.embedded.data_dir).absolute()
    return governance.model_copy(update=updates)
