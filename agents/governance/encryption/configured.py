"""Vault, key-encryption keys and data keys as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from agents.governance.encryption.keyring import DataKeys
from agents.governance.encryption.opening import Opener, RequestsOpened, nothing_opens
from agents.governance.encryption.vault import DirectoryVault
from agents.governance.encryption.wrapping import KeyEncryptionKeys, LocalKeyEncryptionKey, configured_wrapping
from agents.governance.secrets import load_master_key
from schemas.errors import ConfigurationError
from schemas.settings import GovernanceSettings, Settings
from streams.master_key import parse_secret
from streams.sealing.codec import ContentCodec, NoKeys
from streams.sealing.facts import DataKeyFacts
from streams.sealing.patience import Patience

WHY = "encryption needs a vault and a key-encryption key: set governance.vault_dir, and governance.master_key or "


def configured_vault(governance: GovernanceSettings) -> DirectoryVault | None:
    """Return the vault, or None when none is configured."""
    return None if governance.vault_dir is None else DirectoryVault(governance.vault_dir)


def configured_wrappings(governance: GovernanceSettings) -> KeyEncryptionKeys | None:
    """Return the key-encryption keys, newest first: those configured, then the one that the master key gives.

    Raises:
        ConfigurationError: One of them cannot be read.
    """
    master = load_master_key(governance)
    keys = [LocalKeyEncryptionKey(material) for material in _configured(governance)]
    if master is not None:
        keys.append(configured_wrapping(master))
    return KeyEncryptionKeys(keys[0], *keys[1:]) if keys else None


def configured_data_keys(
    governance: GovernanceSettings, issued: Callable[[str, str], bool] = lambda tenant, key_id: False
) -> DataKeys | None:
    """Return the data keys of this process; None where no encryption is configured.

    Args:
        governance: The settings.
        issued: Whether the log says that there is a data key, by tenant and id.

    Raises:
        ConfigurationError: A key-encryption key cannot be read.
    """
    vault, wrappings = configured_vault(governance), configured_wrappings(governance)
    return None if vault is None or wrappings is None else DataKeys(vault, wrappings, issued=issued)


def required_data_keys(governance: GovernanceSettings) -> DataKeys:
    """Return the data keys of this process.

    Raises:
        ConfigurationError: No encryption is configured; says what to set.
    """
    keys = configured_data_keys(governance)
    if keys is None:
        raise ConfigurationError(f"{WHY}governance.wrapping_keys; every worker needs the same")
    return keys


class Encryption(NamedTuple):
    """What the stages of a worker need.

    Attributes:
        keys: The data keys of this process; None without a vault.
        codec: Seals and opens what travels between them.
        patience: Waits for data keys that are out of reach.
        opener: Opens requests.
        forget: Drops a key that was destroyed, for good, by tenant and id; returns its id.
    """

    keys: DataKeys | None
    codec: ContentCodec
    patience: Patience
    opener: Opener
    forget: Callable[[str, str], str]


def configured_encryption(settings: Settings, facts: Callable[[], DataKeyFacts]) -> Encryption:
    """Return what the stages of a worker need; without a vault nothing opens.

    Args:
        settings: The configuration.
        facts: What the log says of data keys now.

    Raises:
        ConfigurationError: A key-encryption key cannot be read.
    """
    keys = configured_data_keys(settings.governance, lambda tenant, key_id: facts().issued(tenant, key_id))
    if keys is None:
        nothing = NoKeys()
        return Encryption(
            None, ContentCodec(nothing), Patience(nothing), nothing_opens, lambda tenant, key_id: key_id
        )

    def forget(tenant: str, key_id: str) -> str:
        keys.drop(tenant, key_id)
        return key_id

    opener = RequestsOpened(keys, facts, settings.intake.max_depth)
    return Encryption(keys, ContentCodec(keys), Patience(keys), opener, forget)


def _configured(governance: GovernanceSettings) -> list[bytes]:
    listed: SecretStr | None = governance.wrapping_keys
    path: Path | None = governance.wrapping_keys_file
    if listed is not None:
        return [parse_secret(text, "governance.wrapping_keys") for text in listed.get_secret_value().split(",")]
    if path is None:
        return []
    where = f"governance.wrapping_keys_file {path}"
    try:
        lines = path.read_text().split()
    except (OSError, UnicodeDecodeError) as wrong:
        raise ConfigurationError(
            f"{where} cannot be read: {type(wrong).__name__}; correct the path or its permissions"
        ) from wrong
    return [parse_secret(line, where) for line in lines]
