"""Reading journals of checkpoints back: what they vouch for, and whether all their lines are there and signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from pydantic import ValidationError

from agents.governance.audit.checkpoints import NO_LINE, TrustedKeys
from agents.governance.audit.examined import Attested
from agents.governance.audit.findings import Finding, Findings, Kind
from schemas.audit_chain import AuditCheckpoint

DIGEST_BYTES = 32


@dataclass(slots=True)
class Vouched:
    """What the checkpoints of one partition vouch for.

    Attributes:
        attested: Heads by the cluster whose chain they are of, in the order in which they were signed.
        lines: Digests of the lines of each journal at hand, one after the other.
        checkpoints: Signatures that hold.
    """

    attested: dict[str, list[Attested]] = field(default_factory=dict)
    lines: dict[str, bytearray] = field(default_factory=dict)
    checkpoints: int = 0


def read_journal(
    lines: Iterable[bytes], partition: int, trusted: TrustedKeys, findings: Findings, into: Vouched
) -> None:
    """Take in a journal line by line.

    Args:
        lines: Of the file.
        partition: Whose journal it is.
        trusted: Keys whose signatures count.
        findings: Gets what is forged, or was taken out.
        into: Gets what is vouched for.
    """
    before, entry = NO_LINE, 0
    for number, text in enumerate(lines, 1):
        line = text.rstrip(b"\n")
        try:
            checkpoint = AuditCheckpoint.model_validate_json(line)
        except ValidationError:
            detail = f"line {number} of the journal is no checkpoint"
            findings.add(Finding(Kind.CHECKPOINT_FORGED, "", partition, detail))
            continue
        if checkpoint.entry != entry + 1 or checkpoint.previous != before.hex():
            detail = (
                f"before entry {checkpoint.entry} of journal {checkpoint.journal} lines are missing or were changed"
            )
            findings.add(_finding(Kind.CHECKPOINT_MISSING, checkpoint, detail))
        before, entry = sha256(line).digest(), checkpoint.entry
        wrong = trusted.verify(checkpoint) or _elsewhere(checkpoint, partition)
        if wrong is not None:
            detail = f"entry {checkpoint.entry} of journal {checkpoint.journal}: {wrong}"
            findings.add(_finding(Kind.CHECKPOINT_FORGED, checkpoint, detail))
        else:
            _vouch(checkpoint, into)
        known = into.lines.setdefault(checkpoint.journal, bytearray())
        known.extend(bytes((checkpoint.entry - 1) * DIGEST_BYTES - len(known)))
        known += before


def compare_published(checkpoint: AuditCheckpoint, trusted: TrustedKeys, findings: Findings, into: Vouched) -> None:
    """Take in a checkpoint as it was published: of a journal at hand it must be one of the lines.

    What only the archive has of a journal at hand was cut off the file.
    """
    if (wrong := trusted.verify(checkpoint)) is not None:
        detail = f"published checkpoint {checkpoint.id}: {wrong}"
        findings.add(_finding(Kind.CHECKPOINT_FORGED, checkpoint, detail))
        return
    lines = into.lines.get(checkpoint.journal)
    if lines is None:
        _vouch(checkpoint, into)  # of another machine
        return
    line = sha256(checkpoint.model_dump_json().encode()).digest()
    start = (checkpoint.entry - 1) * DIGEST_BYTES
    if lines[start : start + DIGEST_BYTES] != line:
        detail = f"checkpoint {checkpoint.id} was published and signed, but is not in the journal"
        findings.add(_finding(Kind.CHECKPOINT_MISSING, checkpoint, detail))
        _vouch(checkpoint, into)


def _vouch(checkpoint: AuditCheckpoint, into: Vouched) -> None:
    into.checkpoints += 1
    by = f"the checkpoint signed at {checkpoint.signed_at.isoformat(' ', 'seconds')}"
    one = Attested(checkpoint.sequence, checkpoint.head, by, checkpoint.signed_at.timestamp())
    into.attested.setdefault(checkpoint.cluster, []).append(one)


def _elsewhere(checkpoint: AuditCheckpoint, partition: int) -> str | None:
    return None if checkpoint.partition == partition else f"it is of partition {checkpoint.partition}"


def _finding(kind: Kind, checkpoint: AuditCheckpoint, detail: str) -> Finding:
    return Finding(
        kind,
        checkpoint.cluster,
        checkpoint.partition,
        detail,
        sequence=checkpoint.sequence,
        expected=checkpoint.head,
    )
