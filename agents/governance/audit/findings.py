"""What a verification found, with where it is: as many findings as one can read, and the count of all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum

FINDINGS_KEPT = 1000
"""Of a log that is wholly wrong nobody reads more, and memory stays small."""


class Kind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"
    REORDERED = "reordered"
    CUT = "cut"
    UNSEALED = "unsealed"
    LINKS_CHANGED = "links_changed"
    LINKS_MISSING = "links_missing"
    FORK = "fork"
    CHECKPOINT_FORGED = "checkpoint_forged"
    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_CONTRADICTED = "checkpoint_contradicted"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        cluster: Id of the log whose chain it is in.
        partition: Of `asahi.audit`.
        detail: What is wrong, in words.
        offset: Of the record.
        sequence: Number of the record in the chain.
        record_id: Id that the record says it has; None when there is no record.
        expected: The digest or head that was sealed or signed, in hex.
        found: The digest or head that is there, in hex.
    """

    kind: Kind
    cluster: str
    partition: int
    detail: str
    offset: int | None = None
    sequence: int | None = None
    record_id: str | None = None
    expected: str | None = None
    found: str | None = None


class Findings:
    """All findings of a verification.

    Attributes:
        kept: The first of them, in the order in which they were found.
        counts: How many there are of each kind.
    """

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.counts: Counter[Kind] = Counter()

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, finding: Finding) -> None:
        """Take in one."""
        self.counts[finding.kind] += 1
        if len(self.kept) < FINDINGS_KEPT:
            self.kept.append(finding)

    def recognise_moves(self) -> None:
        """Say of records that stand in another's place that they were moved, and where they belong."""
        moved = [one for one in self.kept if one.kind in _MOVED]
        homes = {(one.partition, one.expected): one.offset for one in moved if one.expected is not None}
        for number, one in enumerate(self.kept):
            home = homes.get((one.partition, one.found)) if one.kind in _MOVED and one.found is not None else None
            if home is not None and home != one.offset:
                self.counts.subtract([one.kind])
                self.counts[Kind.REORDERED] += 1
                detail = f"here stands the record that was sealed at offset {home}"
                self.kept[number] = replace(one, kind=Kind.REORDERED, detail=detail)
        self.counts += Counter()  # drops what is zero


_MOVED = (Kind.CHANGED, Kind.INSERTED, Kind.MISSING)
