"""Signed heads: what is signed, by which key, and whether a signature holds.

Ed25519 (RFC 8032). What is signed is a JSON array of all fields in a fixed order, so that nothing can be added to a
checkpoint or moved within it.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agents.governance.audit.chain import End
from schemas.audit_chain import AuditCheckpoint
from streams.stage import moment

DOMAIN = "asahi.audit.checkpoint.v1"
KEY_ID_BYTES = 16
NO_LINE = bytes(32)
"""What stands for the line before a journal's first."""


class TrustedKeys:
    """The public keys whose signatures count, by their id."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {key_id(key): key for key in keys}

    @property
    def ids(self) -> list[str]:
        """The ids, in order."""
        return sorted(self._keys)

    def verify(self, checkpoint: AuditCheckpoint) -> str | None:
        """Return what is wrong with a checkpoint's signature, or None."""
        key = self._keys.get(checkpoint.key_id)
        if key is None:
            return f"signed by key {checkpoint.key_id}, which is not trusted here"
        try:
            key.verify(b64decode(checkpoint.signature, validate=True), signed_bytes(checkpoint))
        except (InvalidSignature, ValueError):
            return f"the signature is not one of key {checkpoint.key_id}"
        return None


def key_id(key: Ed25519PublicKey) -> str:
    """Return the name of a public key: the first half of its SHA-256, in hex."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).digest()[:KEY_ID_BYTES].hex()


def signed_bytes(checkpoint: AuditCheckpoint) -> bytes:
    """Return what the signature of a checkpoint is over."""
    fields = [
        DOMAIN,
        checkpoint.id,
        checkpoint.cluster,
        checkpoint.partition,
        checkpoint.sequence,
        checkpoint.next_offset,
        checkpoint.head,
        checkpoint.journal,
        checkpoint.entry,
        checkpoint.previous,
        checkpoint.key_id,
        checkpoint.signed_at.isoformat(),
    ]
    return json.dumps(fields, separators=(",", ":")).encode()


def sign(
    key: Ed25519PrivateKey, end: End, *, journal: str, entry: int, previous: bytes, now: float
) -> AuditCheckpoint:
    """Return the signed head of a chain.

    Args:
        key: Signs it.
        end: Of the chain.
        journal: The file it will be appended to.
        entry: Its number there.
        previous: SHA-256 of the line before it.
        now: Unix seconds.
    """
    bare = AuditCheckpoint(
        id=f"{journal}/{entry}",
        cluster=end.cluster,
        partition=end.partition,
        sequence=end.sequence,
        next_offset=end.next_offset,
        head=end.head.hex(),
        journal=journal,
        entry=entry,
        previous=previous.hex(),
        key_id=key_id(key.public_key()),
        signed_at=moment(now),
        signature="",
    )
    return bare.model_copy(update={"signature": b64encode(key.sign(signed_bytes(bare))).decode()})
