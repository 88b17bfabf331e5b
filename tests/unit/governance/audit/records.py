"""Audit records as they stand on a log."""

from __future__ import annotations

import msgspec

from agents.governance.audit.chain import End, open_chain, seal
from schemas.audit_chain import AuditLinks
from schemas.wire import AuditRecord
from streams.envelope import cloud_event
from streams.records import Record
from streams.stage import moment
from streams.topics import AUDIT

NOW = 1_790_000_000.0
CLUSTER = "log-1"


def audit_record(offset: int, subject: str = "", *, partition: int = 0, at: float = NOW) -> Record:
    subject = subject or f"request-{offset}"
    audit = AuditRecord(
        id=f"rejection/acme/{subject}",
        actor="governance",
        action="request_rejected",
        subject=subject,
        outcome="rejected",
        reason="unknown_field: promt",
        occurred_at=moment(at),
        tenant="acme",
    )
    event = cloud_event(AUDIT, audit.id, "acme", audit.occurred_at, msgspec.json.encode(audit))
    return Record(AUDIT.name, partition, offset, event.key, event.value, tuple(event.headers), at)


def sealed(records: list[Record], each: int = 3, cluster: str = CLUSTER) -> tuple[End, list[AuditLinks]]:
    """Return the chain over these records, its opening included."""
    end, opening = open_chain(cluster, 0, None, NOW)
    events = [opening]
    for start in range(0, len(records), each):
        end, links = seal(end, records[start : start + each], NOW)
        assert links is not None
        events.append(links)
    return end, events
