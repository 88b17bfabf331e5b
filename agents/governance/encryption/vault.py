"""Where wrapped data keys are kept: apart from every log and archive, since these cannot forget.

```
<vault>/<tenant>/<id>.json        a wrapped key
<vault>/<tenant>/<id>.destroyed   there was one, and there will never be one again
```

A directory, on a volume shared by the workers of a cluster. A KMS or a database is one more class with these methods.
Copies of the directory are copies of the keys: keep no backup of it longer than erasure may take.
"""

from __future__ import annotations

import fcntl
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import msgspec

from schemas.errors import AsahiError
from streams.sealing.binding import ContentErased

OWNER_ONLY = 0o600
OWNER_ONLY_DIRECTORY = 0o700
WRAPPED = ".json"
DESTROYED = ".destroyed"
LOCK = ".lock"


class VaultError(AsahiError):
    """The vault does not hold a key, or holds it unreadably; the message says which and what to do."""


class VaultUnavailable(VaultError):
    """The vault cannot be read at all at the moment."""


class WrappedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A data key as it is kept.

    Attributes:
        id: 32 hex digits, random, never used twice.
        tenant: Whose content it encrypts.
        user: Whose, within the tenant; None for a key of the whole tenant.
        wrapped_by: Name of the key-encryption key.
        wrapped: The key's material, wrapped, in base64.
        created_at: Unix seconds; the newest key of a scope encrypts, the older ones only open.
    """

    id: str
    tenant: str
    user: str | None = None
    wrapped_by: str
    wrapped: str
    created_at: float

    @property
    def material(self) -> bytes:
        """The wrapped bytes."""
        return b64decode(self.wrapped)

    def bound(self) -> bytes:
        """Return what the wrapping is bound to: a file copied to another tenant or user does not unwrap."""
        return data_key_binding(self.tenant, self.user, self.id)


def data_key_binding(tenant: str, user: str | None, key_id: str) -> bytes:
    """Return the associated data of a wrapped key."""
    return msgspec.json.encode(["asahi/data-key/v1", tenant, user, key_id])


def wrapped_text(wrapped: bytes) -> str:
    """Return wrapped bytes as a `WrappedKey` holds them."""
    return b64encode(wrapped).decode()


class KeyVault(Protocol):
    """Keeps wrapped data keys, and forgets them for good when told to."""

    def get(self, tenant: str, key_id: str) -> WrappedKey:
        """Return a key.

        Raises:
            ContentErased: It was destroyed.
            VaultError: There never was one, or it cannot be read.
        """

    def put(self, key: WrappedKey) -> None:
        """Keep a new key; durable on return.

        Raises:
            ContentErased: One of this id was destroyed.
            VaultError: There is one of this id.
        """

    def replace(self, key: WrappedKey) -> None:
        """Keep a key wrapped anew instead of the same one wrapped before.

        Raises:
            ContentErased: It was destroyed meanwhile.
            VaultError: There never was one.
        """

    def destroy(self, tenant: str, key_id: str) -> None:
        """Forget a key for good; done on return, also when it was done before."""

    def list(self, tenant: str | None = None) -> list[WrappedKey]:
        """Return the keys there are, of one tenant or of all, oldest first."""

    def destroyed(self, tenant: str) -> frozenset[str]:
        """Return the ids of a tenant's keys that were destroyed."""


class DirectoryVault:
    """A vault in a directory.

    Args:
        directory: Made, readable by its owner alone, where it does not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_DIRECTORY)

    def get(self, tenant: str, key_id: str) -> WrappedKey:
        """Return a key."""
        path = self._path(tenant, key_id)
        self._refuse_destroyed(path)
        try:
            return msgspec.json.decode(path.read_bytes(), type=WrappedKey)
        except FileNotFoundError as missing:
            self._refuse_destroyed(path)  # it may have been destroyed between the two looks
            raise VaultError(
                f"data key {key_id} of {tenant} is not in the vault; is this the right vault?"
            ) from missing
        except OSError as wrong:
            raise VaultUnavailable(f"the vault cannot be read: {wrong.strerror or wrong}") from wrong
        except msgspec.DecodeError as wrong:
            raise VaultError(f"data key {key_id} of {tenant} cannot be read; restore its file") from wrong

    def put(self, key: WrappedKey) -> None:
        """Keep a new key; durable on return."""
        path = self._path(key.tenant, key.id)
        with self._locked(key.tenant):
            self._refuse_destroyed(path)
            if path.exists():
                raise VaultError(f"data key {key.id} of {key.tenant} exists; ids are never used twice")
            _write(path, msgspec.json.encode(key))

    def replace(self, key: WrappedKey) -> None:
        """Keep a key wrapped anew; what stood there is written over."""
        path = self._path(key.tenant, key.id)
        with self._locked(key.tenant):
            self._refuse_destroyed(path)
            if not path.exists():
                raise VaultError(f"data key {key.id} of {key.tenant} is not in the vault")
            former = path.with_suffix(".former")
            _finish(path, former)
            os.link(path, former)
            _write(path, msgspec.json.encode(key))
            _shred(former)

    def destroy(self, tenant: str, key_id: str) -> None:
        """Forget a key for good. The tombstone comes first: after a crash in between nobody can read it either."""
        path = self._path(tenant, key_id)
        with self._locked(tenant):
            tombstone = path.with_suffix(DESTROYED)
            if not tombstone.exists():
                _write(tombstone, b"")
            for remains in (path, path.with_suffix(".former"), path.with_suffix(".new")):
                with suppress(FileNotFoundError):
                    _shred(remains)

    def list(self, tenant: str | None = None) -> list[WrappedKey]:
        """Return the keys there are, oldest first."""
        keys = []
        for path in self._directory.glob(f"{tenant or '*'}/*{WRAPPED}"):
            with suppress(ContentErased):
                keys.append(self.get(path.parent.name, path.stem))
        return sorted(keys, key=lambda key: (key.created_at, key.id))

    def destroyed(self, tenant: str) -> frozenset[str]:
        """Return the ids of a tenant's keys that were destroyed."""
        return frozenset(path.stem for path in (self._directory / tenant).glob(f"*{DESTROYED}"))

    def _path(self, tenant: str, key_id: str) -> Path:
        if "/" in tenant or tenant.startswith(".") or not key_id.isalnum():
            raise VaultError(f"{tenant!r} and {key_id!r} are no names of a tenant and a data key")
        return self._directory / tenant / f"{key_id}{WRAPPED}"

    @contextmanager
    def _locked(self, tenant: str) -> Iterator[None]:
        """Let one process at a time change the keys of a tenant: none is written back after its destruction."""
        folder = self._directory / tenant
        folder.mkdir(exist_ok=True, mode=OWNER_ONLY_DIRECTORY)
        _sync(self._directory)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _refuse_destroyed(self, path: Path) -> None:
        if path.with_suffix(DESTROYED).exists():
            raise ContentErased(path.stem)


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, also after a power cut."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    _sync(path.parent)


def _finish(path: Path, former: Path) -> None:
    """Clean up after a replacement that was interrupted, at whichever step."""
    with suppress(FileNotFoundError):
        if former.samefile(path):
            former.unlink()  # before the new one was in place: writing over it would destroy the key that is in use
        else:
            _shred(former)


def _shred(path: Path) -> None:
    """Write over a file, then unlink it.

    A journaling file system or a flash disk may keep the old blocks. They hold the key wrapped: whoever reads them
    needs the key-encryption key as well.
    """
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
