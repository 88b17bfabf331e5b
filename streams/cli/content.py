"""The data keys that a command may use."""

from __future__ import annotations

from typing import cast

from schemas.settings import Settings
from streams.named import load_named
from streams.sealing.codec import ContentKeys

PLACE = "agents.governance.encryption.configured:configured_data_keys"
"""By name alone, as commands are: nothing here imports an agent."""


def keys_of(settings: Settings) -> ContentKeys | None:
    """Return the data keys within reach; None without a vault.

    Raises:
        ConfigurationError: A key-encryption key cannot be read.
    """
    if settings.governance.vault_dir is None:
        return None
    return cast("ContentKeys | None", load_named(PLACE)(settings.governance))
