"""From a message to who sent it: which key signed it, whether lately, and whether for the first time."""

from __future__ import annotations

import hmac
import re
from typing import NamedTuple

from agents.governance.keys import KeyRing, Unreadable
from agents.governance.registry import Registry
from agents.governance.signatures import faults
from agents.governance.signatures.memory import SignatureMemory
from schemas.governance import KeyIssued
from schemas.wire import ProblemRecord
from streams.records import Record
from streams.signing import (
    KEY_ID_HEADER,
    MS_PER_SECOND,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    body_hash,
    signature,
)
from streams.vouchers import VOUCHER_HEADER, Voucher, Vouching

SENT_ON_MS = 600_000
"""A message that Asahi sends on reaches the log within this time, or a broker was away for longer."""
REMEMBERED_SKEWS = 2
"""A signature is accepted for one skew after its time; the second is for copies that are sent on meanwhile."""

_KEY_ID = re.compile(r"[a-z0-9]{8,32}")
_MAX_DIGITS = 15


class Verified(NamedTuple):
    """Who signed a message, and when it reached the log, in Unix seconds."""

    key: KeyIssued
    arrived: float


class Fault(NamedTuple):
    """Why nobody is known to have sent a message just so; `key` is the one it names, if there is one."""

    problem: ProblemRecord
    key: KeyIssued | None = None


class _Headers(NamedTuple):
    key_id: bytes
    timestamp: bytes
    proof: bytes


class Verifier:
    """Checks signatures, for all partitions of a worker.

    Args:
        registry: The keys; may change between calls.
        ring: Unwraps their signing keys.
        vouching: Reads what Asahi says of messages it sent on.
        skew_seconds: Most seconds between a signature's time and its arrival.
    """

    def __init__(self, registry: Registry, ring: KeyRing, vouching: Vouching, skew_seconds: float) -> None:
        self._registry = registry
        self._ring = ring
        self._vouching = vouching
        self.skew_ms = int(skew_seconds * MS_PER_SECOND)
        self._opened: dict[str, tuple[str, bytes]] = {}

    def verify(self, record: Record, memory: SignatureMemory, now: float) -> Verified | Fault:
        """Return who signed a message, and remember its signature.

        Args:
            record: The message.
            memory: Of its partition.
            now: Unix seconds.
        """
        found, voucher_text = _read(record)
        if found is None:
            return Fault(faults.unsigned_request())
        key_id = found.key_id.decode(errors="replace")
        key = self._registry.key(key_id)
        if key is None:
            return Fault(faults.unknown_key(key_id if _KEY_ID.fullmatch(key_id) else "?"))
        signing_key = self._signing_key(key)
        if signing_key is None:
            return Fault(faults.unreadable_key(key.key_id), key)
        if not found.timestamp.isdigit() or len(found.timestamp) > _MAX_DIGITS:
            return Fault(faults.bad_timestamp(key.key_id), key)
        voucher = None if voucher_text is None else self._vouching.read(record)
        if voucher is None:
            signed_key, signed_body = record.key, body_hash(record.value)
        else:
            signed_key, signed_body = voucher.key, voucher.body_sha256.encode()
        expected = signature(signing_key, found.timestamp, record.topic, signed_key, signed_body)
        if not hmac.compare_digest(expected.hex().encode(), found.proof.lower()):
            return Fault(faults.bad_signature(key.key_id), key)
        return self._fresh(record, memory, key, int(found.timestamp), expected, voucher, now)

    def _fresh(
        self,
        record: Record,
        memory: SignatureMemory,
        key: KeyIssued,
        signed_ms: int,
        proof: bytes,
        voucher: Voucher | None,
        now: float,
    ) -> Verified | Fault:
        """Return a proven sender, unless the signature is too old, of the future, or used before."""
        stated_ms, now_ms = round(record.timestamp * MS_PER_SECOND), int(now * MS_PER_SECOND)
        if not record.stamped and stated_ms > now_ms + self.skew_ms:
            return Fault(faults.clock_skew(key, stated_ms - now_ms, self.skew_ms), key)
        here_ms = memory.time_of(stated_ms)
        if voucher is not None and abs(here_ms - voucher.vouched_ms) > SENT_ON_MS:
            return Fault(faults.sent_on_late(key), key)
        arrived_ms = here_ms if voucher is None else voucher.arrived_ms
        if abs(signed_ms - arrived_ms) > self.skew_ms:
            return Fault(faults.clock_skew(key, signed_ms - arrived_ms, self.skew_ms), key)
        source = record.offset if voucher is None else voucher.origin
        replayed = memory.meets(proof, source, record.offset, signed_ms + REMEMBERED_SKEWS * self.skew_ms)
        if voucher is not None and not replayed:
            mac = bytes.fromhex(voucher.mac)
            replayed = memory.meets(mac, record.offset, record.offset, voucher.vouched_ms + SENT_ON_MS)
        if replayed:
            return Fault(faults.replayed_signature(key), key)
        memory.advance(stated_ms, record.offset)
        return Verified(key, arrived_ms / MS_PER_SECOND)

    def _signing_key(self, key: KeyIssued) -> bytes | None:
        """Return the opened signing key, kept for as long as the fact says the same."""
        known = self._opened.get(key.key_id)
        if known is not None and known[0] == key.signing_key:
            return known[1]
        try:
            opened = self._ring.signing_key(key)
        except Unreadable:
            return None
        self._opened[key.key_id] = key.signing_key, opened
        return opened


def _read(record: Record) -> tuple[_Headers | None, bytes | None]:
    """Return the headers of the signature, if all are there, and the voucher beside them."""
    key_id = timestamp = proof = voucher = None
    for name, value in record.headers:
        if name == KEY_ID_HEADER:
            key_id = value
        elif name == TIMESTAMP_HEADER:
            timestamp = value
        elif name == SIGNATURE_HEADER:
            proof = value
        elif name == VOUCHER_HEADER:
            voucher = value
    if key_id is None or timestamp is None or proof is None:
        return None, voucher
    return _Headers(key_id, timestamp, proof), voucher
