"""The hash chain over one partition of `asahi.audit`.

It is made over the log itself, since many write to the topic. It is a function of the log: whoever seals a record
again makes the same link, so that a sealer which was killed, or which has been replaced without knowing it, cannot
make a second chain. The digest of a record does not hold its offset, but the link does: so a record that stands in
another's place is recognised as the one that it is.

The construction is that of a linked timestamping log (Haber and Stornetta, "How to time-stamp a digital document",
1991): `head(n) = SHA-256(head(n-1) || offset || digest(n))`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from struct import pack
from typing import NamedTuple

from schemas.audit_chain import AuditLinks, ChainEnd
from schemas.errors import ChainBroken
from streams.records import Record
from streams.stage import MS_PER_SECOND, moment

RECORD_DOMAIN = b"asahi.audit.record.v1"
CHAIN_DOMAIN = b"asahi.audit.chain.v1"
OPENING = "opening"
LENGTH_BYTES = 4
NUMBER_BYTES = 8
ABSENT = 0xFFFFFFFF
"""In place of a length: there is no key, or no value."""

Headers = Iterable[tuple[str, bytes | None]]


class End(NamedTuple):
    """How far a chain reaches.

    Attributes:
        sequence: Records sealed.
        head: The head after the last of them.
        next_offset: Offset after the last of them.
    """

    cluster: str
    partition: int
    sequence: int
    head: bytes
    next_offset: int

    def named(self) -> ChainEnd:
        """Return what the next log's chain says of it."""
        return ChainEnd(cluster=self.cluster, sequence=self.sequence, head=self.head.hex())


def digest(timestamp_ms: int, key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """Return the digest of a record, from the log or from the archive.

    It is over the domain, the time, the number of parts, the length of each part, and the parts: key, value, then
    name and text of every header in order of name.

    Args:
        timestamp_ms: As Kafka has it.
        key: The message key.
        value: The event's JSON, byte for byte.
        headers: Of several with one name the last counts, and an empty one counts as absent: the archive keeps no
            more of them.
    """
    parts = [key or b"", value or b""]
    for name, text in sorted(dict(headers).items()):
        if text:
            parts += (name.encode(), text)
    lengths = [len(part) for part in parts]
    if key is None:
        lengths[0] = ABSENT
    if value is None:
        lengths[1] = ABSENT
    front = pack(f">qI{len(parts)}I", timestamp_ms, len(parts), *lengths)
    return sha256(b"".join([RECORD_DOMAIN, front, *parts])).digest()


def digest_of(record: Record) -> bytes:
    """Return the digest of a record as it came from the log."""
    return digest(round(record.timestamp * MS_PER_SECOND), record.key, record.value, record.headers)


def link(head: bytes, offset: int, record_digest: bytes) -> bytes:
    """Return the head after a record."""
    return sha256(b"%b%b%b" % (head, offset.to_bytes(NUMBER_BYTES, "big"), record_digest)).digest()


def genesis(cluster: str, partition: int, follows: ChainEnd | None) -> bytes:
    """Return the head before the first record."""
    parts = [CHAIN_DOMAIN, _frame(cluster.encode()), partition.to_bytes(NUMBER_BYTES, "big")]
    if follows is not None:
        number = follows.sequence.to_bytes(NUMBER_BYTES, "big")
        parts += (_frame(follows.cluster.encode()), number, bytes.fromhex(follows.head))
    return sha256(b"".join(parts)).digest()


def open_chain(cluster: str, partition: int, follows: ChainEnd | None, now: float) -> tuple[End, AuditLinks]:
    """Begin the chain of a partition.

    Args:
        cluster: Id of the log.
        partition: Of `asahi.audit`.
        follows: Where the chain of this partition on the log before ended.
        now: Unix seconds.
    """
    head = genesis(cluster, partition, follows)
    opening = AuditLinks(
        id=f"{cluster}/{partition}/{OPENING}",
        cluster=cluster,
        partition=partition,
        sequence=0,
        previous=head.hex(),
        head=head.hex(),
        follows=follows,
        sealed_at=moment(now),
    )
    return End(cluster, partition, 0, head, 0), opening


def seal(end: End, records: Sequence[Record], now: float) -> tuple[End, AuditLinks | None]:
    """Append records to a chain.

    Args:
        end: Of the chain so far.
        records: In order of offset; those that are sealed already are passed over.
        now: Unix seconds.

    Returns:
        The new end, and the links to publish; None when there is nothing new.
    """
    fresh = [record for record in records if record.offset >= end.next_offset]
    if not fresh:
        return end, None
    digests = [digest_of(record) for record in fresh]
    head = end.head
    for record, one in zip(fresh, digests, strict=True):
        head = link(head, record.offset, one)
    links = AuditLinks(
        id=f"{end.cluster}/{end.partition}/{end.sequence + 1}",
        cluster=end.cluster,
        partition=end.partition,
        sequence=end.sequence + 1,
        previous=end.head.hex(),
        offsets=tuple(record.offset for record in fresh),
        digests=tuple(one.hex() for one in digests),
        head=head.hex(),
        sealed_at=moment(now),
    )
    return End(end.cluster, end.partition, end.sequence + len(fresh), head, fresh[-1].offset + 1), links


def heads(links: AuditLinks) -> list[bytes]:
    """Return the head before the first record of an event, and that after each.

    Raises:
        ChainBroken: The event does not say what its own digests come to, or its offsets are not in order.
    """
    found = [bytes.fromhex(links.previous)]
    for offset, one in zip(links.offsets, links.digests, strict=False):
        found.append(link(found[-1], offset, bytes.fromhex(one)))
    in_order = all(before < after for before, after in pairwise(links.offsets))
    if found[-1].hex() != links.head or len(links.offsets) != len(links.digests) or not in_order:
        raise ChainBroken(links.sequence)
    return found


def extend(end: End | None, links: AuditLinks) -> End:
    """Return the end of a chain after an event that may repeat what is known.

    Args:
        end: So far; None takes the event as it is.
        links: The next event on the log.

    Raises:
        ChainBroken: The event contradicts what came before it, or itself.
    """
    found = heads(links)
    last = max(0, links.sequence - 1) + len(links.offsets)
    if end is not None:
        known = end.sequence - max(0, links.sequence - 1)
        if known < 0 or (known < len(found) and found[known] != end.head):
            raise ChainBroken(end.sequence + 1)
        if last <= end.sequence:
            return end
    next_offset = links.offsets[-1] + 1 if links.offsets else 0
    return End(links.cluster, links.partition, last, found[-1], next_offset)


def _frame(part: bytes) -> bytes:
    return b"%b%b" % (len(part).to_bytes(LENGTH_BYTES, "big"), part)
