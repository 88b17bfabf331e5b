"""The Ed25519 key that signs checkpoints: configured, or made once; and its public half for whoever verifies."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from agents.governance.audit.checkpoints import TrustedKeys
from agents.governance.audit.journal import Journals
from schemas.errors import ConfigurationError
from schemas.settings import Settings

KEY_BYTES = 32
KEY_FILE = "signing.key"
OWNER_ONLY = 0o600
FOLDER_MODE = 0o700


def audit_folder(settings: Settings) -> Path:
    """Return where checkpoints are kept."""
    return settings.audit.folder or settings.embedded.data_dir / "audit"


def load_signing_key(settings: Settings) -> Ed25519PrivateKey | None:
    """Return the key that is configured or was made, or None when there is none.

    Raises:
        ConfigurationError: It is not base64 of 32 bytes, or its file cannot be read.
    """
    audit = settings.audit
    if audit.signing_key is not None:
        return _parsed(audit.signing_key.get_secret_value(), "audit.signing_key")
    path = _key_file(settings)
    try:
        return _parsed(path.read_text(), f"audit.signing_key_file {path}")
    except FileNotFoundError:
        if audit.signing_key_file is not None:
            raise ConfigurationError(f"audit.signing_key_file: there is no {path}") from None
        return None
    except (OSError, UnicodeDecodeError) as wrong:
        raise ConfigurationError(f"audit.signing_key_file: {path} cannot be read: {type(wrong).__name__}") from wrong


def require_signing_key(settings: Settings) -> Ed25519PrivateKey:
    """Return the key; make one where none is configured and none was made before.

    Raises:
        ConfigurationError: It cannot be used, read or made.
    """
    key = load_signing_key(settings)
    if key is None:
        _make(_key_file(settings))
        key = load_signing_key(settings)
        assert key is not None, "it was made just now"
    return key


def configured_notary(settings: Settings) -> Journals:
    """Return what signs heads and keeps them in the configured folder.

    Raises:
        ConfigurationError: There is no usable key and none can be made.
    """
    return Journals(audit_folder(settings), require_signing_key(settings))


def public_pem(key: Ed25519PublicKey) -> str:
    """Return a public key as OpenSSL and everybody else reads it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def trusted_keys(settings: Settings, files: Iterable[Path]) -> TrustedKeys:
    """Return the keys of these files; without any, that of this installation.

    Raises:
        ConfigurationError: A file is not a public key, or there is no key at all.
    """
    keys = [_read_public(path) for path in files]
    if not keys:
        own = load_signing_key(settings)
        if own is None:
            raise ConfigurationError(
                "no key to check signatures with: name the public key that `asahi audit key` printed by --key, "
                "or set audit.signing_key_file"
            )
        keys = [own.public_key()]
    return TrustedKeys(keys)


def _read_public(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as wrong:
        raise ConfigurationError(f"{path} is not a public key in PEM as `asahi audit key` prints it") from wrong
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{path} is a public key, but not one of Ed25519")
    return key


def _key_file(settings: Settings) -> Path:
    return settings.audit.signing_key_file or audit_folder(settings) / KEY_FILE


def _make(path: Path) -> None:
    """Make a key, readable by its owner alone; when two workers make one at a time, the first one stays."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(handle, "wb") as file:
            file.write(b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(unfinished, path)
        except FileExistsError:
            pass
        finally:
            unfinished.unlink()
    except OSError as wrong:
        raise ConfigurationError(
            f"cannot make {path}: {wrong.strerror}; "
            "set audit.folder (ASAHI_AUDIT_FOLDER) to a folder that can be written"
        ) from wrong


def _parsed(text: str, where: str) -> Ed25519PrivateKey:
    """Read the text of a key; what it says is in no error."""
    try:
        material = b64decode(text.strip(), validate=True)
    except ValueError:
        material = b""
    if len(material) != KEY_BYTES:
        raise ConfigurationError(f"{where}: not base64 of {KEY_BYTES} bytes; make one with `openssl rand -base64 32`")
    return Ed25519PrivateKey.from_private_bytes(material)
