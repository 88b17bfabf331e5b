"""API keys as the registry has them: made, rotated, revoked, and asked for what they allow. Nothing raw is kept.

The registry holds two things of a secret. Its keyed hash answers whether somebody who shows the secret has it: what
the HTTP edge asks. The signing key derived from it, wrapped by AES-256-GCM, lets workers check signatures. Without
the master key neither tells anything.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from datetime import datetime
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agents.governance.secrets import MasterKey, Purpose
from agents.governance.signatures import faults
from schemas.governance import KeyIssued, Scope
from schemas.wire import ProblemRecord
from streams.api_key import ALPHABET, SECRET_BITS, ApiKey, secret_text

ID_CHARS = 16
ID_ALPHABET = "".join(sorted(set(ALPHABET.lower())))
RANDOM_BYTES = 60
"""For a secret, a nonce, and an id without bias worth mentioning."""
NONCE_BYTES = 12

_SECRET_BYTES = SECRET_BITS // 8


class Unreadable(Exception):
    """What was wrapped cannot be unwrapped: it was made under another master key, or is no wrapped key."""


class Issued(NamedTuple):
    """A new key: the fact for the registry, and the key itself, which is shown once and kept nowhere."""

    fact: KeyIssued
    key: ApiKey


class KeyRing:
    """Makes what the registry holds of keys, and reads it again.

    Args:
        master: The master key.
    """

    def __init__(self, master: MasterKey) -> None:
        self._hashing = master.subkey(Purpose.SECRET_HASHES)
        self._wrapping = AESGCM(master.subkey(Purpose.SIGNING_KEYS))

    def issue(self, draft: KeyIssued, random: bytes) -> Issued:
        """Return a key with a new id and a new secret.

        Args:
            draft: What holds for it; its id, hash and signing key are filled in.
            random: 60 random bytes, never used for anything else.
        """
        assert len(random) == RANDOM_BYTES, f"issuing takes {RANDOM_BYTES} random bytes"
        secret, nonce, rest = random[:_SECRET_BYTES], random[_SECRET_BYTES:][:NONCE_BYTES], random[-ID_CHARS:]
        key = ApiKey("".join(ID_ALPHABET[byte % len(ID_ALPHABET)] for byte in rest), secret_text(secret))
        held = {
            "key_id": key.id,
            "secret_hash": self.secret_hash(key),
            "signing_key": self._wrapped(draft.tenant, key, nonce),
        }
        return Issued(draft.model_copy(update=held), key)

    def secret_hash(self, key: ApiKey) -> str:
        """Return the keyed hash of a secret, in hex."""
        return hmac.digest(self._hashing, f"{key.id}\n{key.secret}".encode(), "sha256").hex()

    def proves(self, key: ApiKey, fact: KeyIssued) -> bool:
        """Return whether whoever shows this key has the secret; takes as long for a wrong one."""
        return key.id == fact.key_id and hmac.compare_digest(self.secret_hash(key), fact.secret_hash)

    def signing_key(self, fact: KeyIssued) -> bytes:
        """Return the key of its signatures.

        Raises:
            Unreadable: It was wrapped under another master key, for another key, or is no wrapped key at all.
        """
        try:
            wrapped = b64decode(fact.signing_key, validate=True)
            return self._wrapping.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bound(fact.tenant, fact.key_id)
            )
        except (InvalidTag, NotBase64, ValueError) as wrong:
            raise Unreadable(fact.key_id) from wrong

    def _wrapped(self, tenant: str, key: ApiKey, nonce: bytes) -> str:
        sealed = self._wrapping.encrypt(nonce, key.signing_key(), _bound(tenant, key.id))
        return b64encode(nonce + sealed).decode()


def _bound(tenant: str, key_id: str) -> bytes:
    """Return what a wrapped key is bound to, so that it opens under no other name."""
    return f"{tenant}/key/{key_id}".encode()


def authorize(key: KeyIssued, scope: Scope, now: float, arrived: float | None = None) -> ProblemRecord | None:
    """Return why a key may not be used for something, or None.

    Args:
        key: As the registry has it.
        scope: What it is to be used for; administrators may do everything but produce.
        now: Unix seconds. A revoked key is refused from its revocation on, whatever it signed before.
        arrived: When what it signed arrived, where that lies back: it must not expire in a queue.
    """
    if key.revoked_at is not None and key.revoked_at.timestamp() <= now:
        return faults.revoked_key(key)
    if key.expires_at is not None and key.expires_at.timestamp() <= (now if arrived is None else arrived):
        return faults.expired_key(key)
    if scope not in key.scopes and (scope is Scope.PRODUCER or Scope.ADMINISTRATOR not in key.scopes):
        return faults.wrong_scope(key, scope)
    return None


def rotated(old: KeyIssued, *, now: datetime, overlap_ends: datetime) -> KeyIssued:
    """Return the old key as it holds while its successor takes over: it expires with the overlap at the latest."""
    expires = overlap_ends if old.expires_at is None else min(old.expires_at, overlap_ends)
    return old.model_copy(update={"expires_at": expires, "changed_at": now})
