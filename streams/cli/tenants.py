"""Registering the configured tenants: without that fact on the log a tenant's requests are rejected.

What somebody has set with `asahi governance` since is kept: the configuration only replaces what it said itself.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b

import msgspec
from pydantic import ValidationError

from schemas.settings import KafkaSettings, Settings
from schemas.tenant import TenantRegistered
from schemas.wire import AuditRecord
from streams.admin import cluster_id
from streams.envelope import Publication, cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.tail import read_tail
from streams.topics import AUDIT, GOVERNANCE

CONFIGURATION = "configuration"
REASON = "listed under tenants in the configuration"
WITHOUT_TIME = {"registered_at"}
DIGEST_BYTES = 8

_json = msgspec.json.Encoder()


async def register_tenants(settings: Settings) -> list[str]:
    """Put the configured tenants on `asahi.governance`, each with its audit record; return their names."""
    now = datetime.now(UTC)
    known = await _known(settings.kafka)
    cluster = await cluster_id(settings)
    facts = [tenant.model_copy(update=_made_by(tenant)) for tenant in settings.tenants]
    due = [fact for fact in facts if _differs(fact, known.get(fact.tenant))]
    async with Outbox(settings.kafka) as outbox:
        for fact in due:
            held = fact if fact.registered_at is not None else fact.model_copy(update={"registered_at": now})
            home = home_partition(fact.tenant, settings.kafka.partitions)
            await outbox.publish(AUDIT.name, home, [_audit(held, cluster, now)])
            event_id = f"{fact.tenant}/{now.isoformat()}"
            event = cloud_event(GOVERNANCE, event_id, fact.tenant, now, held.model_dump_json().encode())
            await outbox.publish(GOVERNANCE.name, 0, [event])
    return [tenant.tenant for tenant in settings.tenants]


async def _known(kafka: KafkaSettings) -> dict[str, TenantRegistered]:
    """Return what the log says of tenants; what is no fact about one is passed over."""
    known: dict[str, TenantRegistered] = {}
    async for records in read_tail(kafka, {(GOVERNANCE.name, 0): 0}):
        for record in records:
            name = (record.key or b"").decode(errors="replace")
            known.pop(name, None)
            try:
                known[name] = TenantRegistered.model_validate_json(record.value or b"")
            except ValidationError:
                continue
    return known


def _made_by(tenant: TenantRegistered) -> dict[str, str]:
    return {"changed_by": tenant.changed_by or CONFIGURATION, "reason": tenant.reason or REASON}


def _differs(fact: TenantRegistered, known: TenantRegistered | None) -> bool:
    """Return whether the configuration has something to say."""
    if known is None:
        return True
    if known.changed_by not in (None, CONFIGURATION):
        return False  # somebody has changed it since, who has said why
    return fact.model_dump(exclude=WITHOUT_TIME) != known.model_dump(exclude=WITHOUT_TIME)


def _audit(fact: TenantRegistered, cluster: str, now: datetime) -> Publication:
    digest = blake2b(fact.model_dump_json().encode(), digest_size=DIGEST_BYTES).hexdigest()
    record = AuditRecord(
        id=f"governance/{fact.tenant}/{cluster}/{digest}",
        actor=fact.changed_by or CONFIGURATION,
        action="tenant_registered",
        subject=fact.tenant,
        outcome="applied",
        reason=fact.reason or REASON,
        occurred_at=now,
        tenant=fact.tenant,
    )
    return cloud_event(AUDIT, record.id, fact.tenant, now, _json.encode(record))
