"""What one delivery of requests holds, by what happens to it next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.wire import AuditRecord, DeadLetterRecord, ResultRecord
from streams.catchall import Bug
from streams.envelope import Publication
from streams.outcomes import Outcome
from streams.records import Record
from streams.stage import Journey, Receipt


class Arrival(NamedTuple):
    """One request as it came: in this message, at this place, at this time in Unix seconds."""

    record: Record
    place: int
    outcome: Outcome | Bug
    receipt: Receipt
    at: float


@dataclass(slots=True)
class Sorted:
    """The requests of one delivery, sorted."""

    journeys: list[Journey] = field(default_factory=list)
    rejections: list[tuple[ResultRecord, Receipt | None]] = field(default_factory=list)
    audits: list[AuditRecord] = field(default_factory=list)
    letters: list[DeadLetterRecord] = field(default_factory=list)
    letter_receipts: list[Receipt] = field(default_factory=list)
    letter_audits: list[AuditRecord] = field(default_factory=list)
    strays: dict[int, list[tuple[Publication, Receipt]]] = field(default_factory=dict)
    repeats: list[tuple[int, Arrival]] = field(default_factory=list)
