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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import msgspec

from agents.governance.encryption.files import OWNER_ONLY, finish, shred, sync, write
from schemas.errors import AsahiError
from streams.sealing.binding import ContentErased

OWNER_ONLY_DIRECTORY = 0o700
WRAPPED = ".json"
DESTROYED = ".destroyed"
LOCK = ".lock"


class VaultError(AsahiError):
    """The vault does not hold a key, or holds it unreadably; the message says which and what to do."""


class VaultUnavailable(VaultError):
    """The vault cannot be read at the moment, so what it holds is not known; says what is in the way."""


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
            VaultUnavailable: The vault cannot be read at the moment.
            VaultError: The vault does not hold it, or holds it damaged.
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
        """Forget a key for good; done on return, also when it was done before.

        Raises:
            VaultUnavailable: This is not the vault in which the tenant's keys were made, or it is not there.
        """

    def list(self, tenant: str | None = None) -> list[WrappedKey]:
        """Return the keys there are, of one tenant or of all, oldest first.

        Raises:
            VaultUnavailable: The vault cannot be read at the moment.
        """

    def destroyed(self, tenant: str) -> frozenset[str]:
        """Return the ids of a tenant's keys that were destroyed.

        Raises:
            VaultUnavailable: The vault cannot be read at the moment.
        """


class DirectoryVault:
    """A vault in a directory.

    Args:
        directory: Made with the first key, readable by its owner alone. Who only reads makes nothing: a volume that
            is not mounted is not taken for an empty vault.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

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
            raise _unreadable(path, wrong) from wrong
        except msgspec.DecodeError as wrong:
            raise VaultError(f"data key {key_id} of {tenant} cannot be read; restore its file") from wrong

    def put(self, key: WrappedKey) -> None:
        """Keep a new key; durable on return."""
        path = self._path(key.tenant, key.id)
        for folder in (self._directory, path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_DIRECTORY)
            sync(folder.parent)
        with self._locked(key.tenant):
            self._refuse_destroyed(path)
            if path.exists():
                raise VaultError(f"data key {key.id} of {key.tenant} exists; ids are never used twice")
            write(path, msgspec.json.encode(key))

    def replace(self, key: WrappedKey) -> None:
        """Keep a key wrapped anew; what stood there is written over."""
        path = self._path(key.tenant, key.id)
        with self._locked(key.tenant):
            self._refuse_destroyed(path)
            if not path.exists():
                raise VaultError(f"data key {key.id} of {key.tenant} is not in the vault")
            former = path.with_suffix(".former")
            finish(path, former)
            os.link(path, former)
            write(path, msgspec.json.encode(key))
            shred(former)

    def destroy(self, tenant: str, key_id: str) -> None:
        """Forget a key for good. The tombstone comes first: after a crash in between nobody can read it either."""
        path = self._path(tenant, key_id)
        with self._locked(tenant):
            tombstone = path.with_suffix(DESTROYED)
            if not tombstone.exists():
                write(tombstone, b"")
            for remains in (path, path.with_suffix(".former"), path.with_suffix(".new")):
                with suppress(FileNotFoundError):
                    shred(remains)

    def list(self, tenant: str | None = None) -> list[WrappedKey]:
        """Return the keys there are, oldest first."""
        keys = []
        for whose in self._names(self._directory) if tenant is None else [tenant]:
            for name in self._names(self._directory / whose):
                if name.endswith(WRAPPED):
                    with suppress(ContentErased):
                        keys.append(self.get(whose, name.removesuffix(WRAPPED)))
        return sorted(keys, key=lambda key: (key.created_at, key.id))

    def destroyed(self, tenant: str) -> frozenset[str]:
        """Return the ids of a tenant's keys that were destroyed."""
        names = self._names(self._directory / tenant)
        return frozenset(name.removesuffix(DESTROYED) for name in names if name.endswith(DESTROYED))

    def _names(self, folder: Path) -> Sequence[str]:
        """Return what is in the vault, or in a tenant's folder of it; a tenant without keys has none."""
        try:
            return os.listdir(folder)
        except FileNotFoundError as missing:
            if folder != self._directory:
                return ()
            raise _unreadable(folder, missing) from missing
        except NotADirectoryError as file:
            if folder != self._directory and folder.is_file():
                return ()
            raise _unreadable(folder, file) from file
        except OSError as wrong:
            raise _unreadable(folder, wrong) from wrong

    def _path(self, tenant: str, key_id: str) -> Path:
        if "/" in tenant or tenant.startswith(".") or not key_id.isalnum():
            raise VaultError(f"{tenant!r} and {key_id!r} are no names of a tenant and a data key")
        return self._directory / tenant / f"{key_id}{WRAPPED}"

    @contextmanager
    def _locked(self, tenant: str) -> Iterator[None]:
        """Let one process at a time change the keys of a tenant: none is written back after its destruction."""
        folder = self._directory / tenant
        try:
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        except FileNotFoundError as missing:  # nothing is destroyed by a tombstone beside the vault
            raise VaultUnavailable(
                f"the vault holds no key of {tenant}, and never did; mount the right one, or make the directory "
                f"{folder} if it is lost for good"
            ) from missing
        except OSError as wrong:
            raise _unreadable(folder, wrong) from wrong
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _refuse_destroyed(self, path: Path) -> None:
        tombstone = path.with_suffix(DESTROYED)
        try:
            tombstone.stat()
        except FileNotFoundError:
            return
        except OSError as wrong:  # nobody may take a key for good because its tombstone cannot be seen
            raise _unreadable(tombstone, wrong) from wrong
        raise ContentErased(path.stem)


def _unreadable(path: Path, wrong: OSError) -> VaultUnavailable:
    return VaultUnavailable(
        f"the vault cannot be read: {path}: {wrong.strerror or wrong}; mount it, or correct its permissions"
    )
