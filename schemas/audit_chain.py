"""The hash chain over `asahi.audit`, and what is signed about it: `asahi.audit.links`, `asahi.audit.checkpoints`.

Every partition of `asahi.audit` of every log has a chain of its own. docs/governance.md says how digests and heads
are computed, so that a program of somebody else can check them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.model import Event, Value

HEX_DIGEST_PATTERN = r"^[0-9a-f]{64}$"

Digest = Annotated[str, Field(pattern=HEX_DIGEST_PATTERN)]
"""SHA-256, in hex."""
Position = Annotated[int, Field(ge=0)]


class ChainEnd(Value):
    """A point of a chain of the same partition on an earlier log.

    Attributes:
        cluster: Id of that log.
        sequence: Records sealed up to this point.
        head: The head there.
    """

    cluster: str
    sequence: Position
    head: Digest


class AuditLinks(Event):
    """Consecutive records of one partition of `asahi.audit` were sealed; the message key is the partition.

    The first event of a chain seals nothing: it opens the chain and names the chain that it follows.

    Attributes:
        version: Of this contract.
        id: `<cluster>/<partition>/<sequence>`, or `<cluster>/<partition>/opening`.
        cluster: Id of the log that the records are on.
        partition: Of `asahi.audit`.
        sequence: Number of the first record here, counted from 1; 0 in an opening.
        previous: The head before the first record; in an opening the same as `head`.
        offsets: Of the records.
        digests: Of the records, one per offset.
        head: The head after the last record.
        follows: Where the chain of this partition on the log before ended; only in an opening.
        sealed_at: When.
    """

    id: str
    cluster: str
    partition: Position
    sequence: Position
    previous: Digest
    offsets: tuple[Position, ...] = ()
    digests: tuple[Digest, ...] = ()
    head: Digest
    follows: ChainEnd | None = None
    sealed_at: AwareDatetime


class AuditCheckpoint(Event):
    """The head of a chain at one moment, signed; the message key is the partition.

    Attributes:
        version: Of this contract.
        id: `<journal>/<entry>`.
        cluster: Id of the log.
        partition: Of `asahi.audit`.
        sequence: Records sealed by then.
        next_offset: Everything on the partition before this offset was sealed by then.
        head: The head by then.
        journal: The file, one per machine and partition, to which this was appended.
        entry: Its number there, counted from 1.
        previous: SHA-256 of the line before it in that file; zeros for the first.
        key_id: The first half of SHA-256 of the public key, in hex.
        signed_at: When.
        signature: Ed25519 over all other fields, in base64.
    """

    id: str
    cluster: str
    partition: Position
    sequence: Position
    next_offset: Position
    head: Digest
    journal: str
    entry: Annotated[int, Field(ge=1)]
    previous: Digest
    key_id: str
    signed_at: AwareDatetime
    signature: str
