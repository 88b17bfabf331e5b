"""Key-encryption keys: what data keys are wrapped by at rest. A KMS is one more class with these two methods."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, Hash

from agents.governance.encryption.vault import WrappedKey
from agents.governance.secrets import MasterKey, Purpose
from schemas.errors import ConfigurationError

NONCE_BYTES = 12
NAME_HEX = 16


class KeyEncryptionKey(Protocol):
    """Wraps data keys, and says by which name it is known."""

    @property
    def name(self) -> str:
        """How wrapped keys name it; the same for the same key."""

    def wrap(self, material: bytes, bound: bytes) -> bytes:
        """Return some key material wrapped and bound to `bound`."""

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Return wrapped key material.

        Raises:
            VaultUnavailable: What would unwrap it does not answer at the moment.
            ConfigurationError: It was wrapped by another key, or for another data key.
        """


class LocalKeyEncryptionKey:
    """A key-encryption key in this process's memory.

    Args:
        material: 32 bytes.
        random: Returns so many random bytes. Nonces are random: a key wraps a few data keys per tenant, far fewer
            than the 2^32 that AES-256-GCM allows.
    """

    def __init__(self, material: bytes, random: Callable[[int], bytes] = os.urandom) -> None:
        self._cipher = AESGCM(material)
        self._random = random
        naming = Hash(SHA256())
        naming.update(b"asahi/key-encryption-key/v1/" + material)
        self._name = naming.finalize().hex()[:NAME_HEX]

    def __repr__(self) -> str:
        return f"LocalKeyEncryptionKey({self._name!r})"

    @property
    def name(self) -> str:
        """A hash of the key: who has the key knows which wrapped keys are its own, and nobody learns more."""
        return self._name

    def wrap(self, material: bytes, bound: bytes) -> bytes:
        """Return some key material wrapped and bound to `bound`."""
        nonce = self._random(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, material, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Return wrapped key material.

        Raises:
            ConfigurationError: It was wrapped by another key, or for another data key.
        """
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError) as wrong:
            raise ConfigurationError(
                f"a data key cannot be unwrapped by key-encryption key {self._name}; "
                "configure the master key under which it was wrapped, or restore the vault from a copy"
            ) from wrong


def configured_wrapping(master: MasterKey) -> LocalKeyEncryptionKey:
    """Return the key-encryption key that is derived from the master key."""
    return LocalKeyEncryptionKey(master.subkey(Purpose.DATA_KEYS))


class KeyEncryptionKeys:
    """The key-encryption keys that are known: the newest wraps, each unwraps what it has wrapped.

    Args:
        newest: Wraps from now on.
        older: Still unwrap, until everything has been wrapped again.
    """

    def __init__(self, newest: KeyEncryptionKey, *older: KeyEncryptionKey) -> None:
        self.newest = newest
        self._by_name: Mapping[str, KeyEncryptionKey] = {key.name: key for key in (*older, newest)}

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Return the material of a wrapped key.

        Raises:
            ConfigurationError: The key that wrapped it is not known, or is another than it says.
        """
        wrapper = self._by_name.get(wrapped.wrapped_by)
        if wrapper is None:
            raise ConfigurationError(
                f"data key {wrapped.id} of {wrapped.tenant} is wrapped by key-encryption key {wrapped.wrapped_by}, "
                "which is not configured; configure the master key under which it was made"
            )
        return wrapper.unwrap(wrapped.material, wrapped.bound())
