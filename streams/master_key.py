"""The one secret that everybody who runs Asahi shares, and what is derived from it.

Nothing is ever encrypted or authenticated under the master key itself. Each purpose has a subkey of its own, so that
what is made for one means nothing to another, and none tells anything about the others (HKDF, RFC 5869).
"""

from __future__ import annotations

import binascii
import os
from base64 import b64decode, b64encode
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.errors import ConfigurationError
from schemas.governance_settings import GovernanceSettings

LEAST_BYTES = 32
SUBKEY_BYTES = 32
FILE_NAME = "governance.key"
VAULT_NAME = "vault"
OWNER_ONLY = 0o600
INFO = b"asahi/governance/v1/"


class Purpose(StrEnum):
    """What a subkey is for; a name is never given a second meaning."""

    SECRET_HASHES = "secret-hashes"  # noqa: S105 - the name of a purpose
    SIGNING_KEYS = "signing-keys"
    VOUCHERS = "vouchers"
    DATA_KEYS = "data-keys"


class MasterKey:
    """The master key; it shows itself to nobody.

    Args:
        material: Random bytes, 32 or more.
    """

    __slots__ = ("_material",)

    def __init__(self, material: bytes) -> None:
        assert len(material) >= LEAST_BYTES, "too short to be a master key"
        self._material = material

    def __repr__(self) -> str:
        return "MasterKey(**********)"

    def subkey(self, purpose: Purpose) -> bytes:
        """Return the 32 bytes that serve this purpose and no other."""
        info = INFO + purpose.encode()
        return HKDF(algorithm=SHA256(), length=SUBKEY_BYTES, salt=None, info=info).derive(self._material)


def load_master_key(governance: GovernanceSettings) -> MasterKey | None:
    """Return the configured master key, or None when there is none.

    Raises:
        ConfigurationError: It is not base64 of 32 bytes, or its file cannot be read.
    """
    if governance.master_key is not None:
        return _parsed(governance.master_key.get_secret_value(), "governance.master_key")
    if governance.master_key_file is None:
        return None
    try:
        text = governance.master_key_file.read_text()
    except (OSError, UnicodeDecodeError) as wrong:
        raise ConfigurationError(
            f"governance.master_key_file: {governance.master_key_file} cannot be read: {type(wrong).__name__}; "
            "correct the path or its permissions"
        ) from wrong
    return _parsed(text, f"governance.master_key_file {governance.master_key_file}")


def require_master_key(governance: GovernanceSettings, why: str) -> MasterKey:
    """Return the configured master key.

    Args:
        governance: The settings.
        why: What cannot be done without it.

    Raises:
        ConfigurationError: There is none, or it cannot be used.
    """
    key = load_master_key(governance)
    if key is None:
        raise ConfigurationError(
            f"{why} needs the master key: set ASAHI_GOVERNANCE_MASTER_KEY to the output of "
            "`openssl rand -base64 32`, or ASAHI_GOVERNANCE_MASTER_KEY_FILE to a file with it; "
            "every worker needs the same one"
        )
    return key


def own_master_key_file(data_dir: Path) -> Path:
    """Return where the embedded stack keeps a master key of its own."""
    return data_dir / FILE_NAME


def own_vault(data_dir: Path) -> Path:
    """Return where the embedded stack keeps its data keys."""
    return data_dir / VAULT_NAME


def make_master_key_file(data_dir: Path) -> Path:
    """Make a master key for an embedded stack, readable by its owner alone, unless there is one; return its path."""
    path = own_master_key_file(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_suffix(f".{os.getpid()}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(b64encode(os.urandom(LEAST_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(unfinished, path)  # fails where there is one already: nobody's key is ever written over
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()
    return path


def _parsed(text: str, where: str) -> MasterKey:
    return MasterKey(parse_secret(text, where))


def parse_secret(text: str, where: str) -> bytes:
    """Read random bytes in base64; what the text says is in no error.

    Raises:
        ConfigurationError: It is not base64 of 32 bytes or more.
    """
    try:
        material = b64decode(text.strip().encode(), altchars=b"-_" if set("-_") & set(text) else None, validate=True)
    except (binascii.Error, ValueError):
        material = b""
    if len(material) < LEAST_BYTES:
        raise ConfigurationError(
            f"{where}: not base64 of {LEAST_BYTES} bytes or more; make one with `openssl rand -base64 32`"
        )
    return material
