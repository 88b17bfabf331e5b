"""Audit records of what people do: administrative acts, and looks at content that is not theirs.

Whoever makes content readable records it first, by `record`, and shows it only then: what cannot be audited does not
happen.
"""

from __future__ import annotations

import getpass
import os
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from schemas.settings import KafkaSettings
from schemas.wire import AuditRecord
from streams.envelope import Publication, cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import AUDIT

ACTOR_VARIABLE = "ASAHI_ACTOR"
"""Names who acts, where it is not the one who is logged in: a service, or somebody behind a shared account."""
ALLOWED = "allowed"
NO_REASON = "no reason given"
ACCESS_ENDINGS = ("_shown", "_explained", "_opened", "_exported", "_decrypted", "_replayed")
"""An action that ends so made content readable, or used it; the compliance report lists it as an access."""

_json = msgspec.json.Encoder()


def current_actor() -> str:
    """Return who runs this process: what `ASAHI_ACTOR` says, else the name of the account."""
    named = os.environ.get(ACTOR_VARIABLE)
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return f"uid-{os.getuid()}"


def is_access(action: str) -> bool:
    """Return whether an action made content readable to somebody."""
    return action.endswith(ACCESS_ENDINGS)


def access_audit(
    action: str,
    subject: str,
    *,
    tenant: str | None,
    reason: str | None,
    actor: str | None = None,
    outcome: str = ALLOWED,
    at: datetime | None = None,
) -> AuditRecord:
    """Return the record of an act of somebody.

    Args:
        action: What is done, past tense, e.g. `dead_letter_shown`.
        subject: What it is done to, e.g. an id.
        tenant: Whose it is; None when it is nobody's or everybody's.
        reason: Why, as who does it says.
        actor: Who does it; unset means who runs this process.
        outcome: How it ended.
        at: When; unset means now.
    """
    moment = datetime.now(UTC) if at is None else at
    return AuditRecord(
        id=f"{action}/{uuid.uuid4().hex}",
        actor=actor or current_actor(),
        action=action,
        subject=subject,
        outcome=outcome,
        reason=reason or NO_REASON,
        occurred_at=moment,
        tenant=tenant,
    )


async def record(kafka: KafkaSettings, audits: Iterable[AuditRecord]) -> None:
    """Put audit records on the log; return once they are durable.

    Raises:
        BrokerUnavailable: No broker answers: what was to be audited must not happen.
    """
    by_partition: dict[int, list[Publication]] = {}
    for audit in audits:
        event = cloud_event(AUDIT, audit.id, audit.tenant, audit.occurred_at, _json.encode(audit))
        by_partition.setdefault(home_partition(audit.tenant or "", kafka.partitions), []).append(event)
    if by_partition:
        async with Outbox(kafka) as outbox:
            for partition, events in by_partition.items():
                await outbox.publish(AUDIT.name, partition, events)
