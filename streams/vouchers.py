"""Asahi's own word for a signed message it sends on: what was signed, and when that reached the log.

A request that came to the wrong partition goes on to the right one alone, without the others of its array; one that
is restored from the archive may be what is left of an array, and comes late. The producer's signature covers
neither. So the headers of the signature stay, and a voucher beside them says what it was made over and when that
arrived: whoever receives it checks the signature itself, and need not trust that somebody did. The voucher is
authenticated (HMAC-SHA256 under a subkey of the master key) together with the message it accompanies.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import msgspec

from streams.envelope import Header, Publication, header
from streams.records import Record
from streams.signing import MS_PER_SECOND, SIGNATURE_HEADER, body_hash

VOUCHER_HEADER = "asahi-voucher"
VERSION = "asahi-voucher-v1"


class Voucher(msgspec.Struct, frozen=True, array_like=True):
    """What is vouched for.

    Attributes:
        arrived_ms: When the message as it was signed reached the log, in Unix milliseconds.
        vouched_ms: When the voucher was made.
        origin: Where the message as it was signed stands: `<partition>/<offset>`.
        key: Its message key.
        body_sha256: Of its value, in hex.
        mac: Authenticates all of it and the message it accompanies, in hex.
    """

    arrived_ms: int
    vouched_ms: int
    origin: str
    key: bytes | None
    body_sha256: str
    mac: str = ""


_json = msgspec.json.Encoder()
_vouchers = msgspec.json.Decoder(Voucher)
_msgpack = msgspec.msgpack.Encoder()


class Vouching:
    """Writes and reads vouchers.

    Args:
        subkey: Of the master key, for vouchers.
    """

    def __init__(self, subkey: bytes) -> None:
        self._subkey = subkey

    def vouched(self, original: Record, value: bytes, key: bytes | None, now: float) -> Publication:
        """Return part of a signed message as a message of its own.

        Args:
            original: The message as it came, perhaps with a voucher already.
            value: What goes on.
            key: Its message key.
            now: Unix seconds.
        """
        headers = [pair for pair in original.headers if pair[0] != VOUCHER_HEADER]
        if header(headers, SIGNATURE_HEADER) is None:
            return Publication(value, key, headers)  # nothing was proven that could get lost
        first = self.read(original) or Voucher(
            arrived_ms=round(original.timestamp * MS_PER_SECOND),
            vouched_ms=0,
            origin=f"{original.partition}/{original.offset}",
            key=original.key,
            body_sha256=body_hash(original.value).decode(),
        )
        voucher = msgspec.structs.replace(first, vouched_ms=int(now * MS_PER_SECOND))
        mac = self._mac(voucher, original.topic, key, value, headers)
        headers.append((VOUCHER_HEADER, _json.encode(msgspec.structs.replace(voucher, mac=mac))))
        return Publication(value, key, headers)

    def read(self, record: Record) -> Voucher | None:
        """Return the voucher of a message; None when it has none, or one that is not ours."""
        text = header(record.headers, VOUCHER_HEADER)
        if text is None:
            return None
        try:
            voucher = _vouchers.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        expected = self._mac(voucher, record.topic, record.key, record.value or b"", record.headers)
        return voucher if hmac.compare_digest(expected, voucher.mac) else None

    def _mac(self, voucher: Voucher, topic: str, key: bytes | None, value: bytes, headers: Sequence[Header]) -> str:
        proof = header(headers, SIGNATURE_HEADER)
        text = (VERSION, topic, key, body_hash(value), proof, msgspec.structs.replace(voucher, mac=""))
        return hmac.digest(self._subkey, _msgpack.encode(text), "sha256").hex()
