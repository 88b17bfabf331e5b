"""Registering the configured tenants: without that fact on the log a tenant's requests are rejected."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.settings import Settings
from streams.envelope import cloud_event
from streams.outbox import Outbox
from streams.topics import GOVERNANCE


async def register_tenants(settings: Settings) -> list[str]:
    """Put the configured tenants on `asahi.governance`, where the newest fact of each holds; return their names."""
    now = datetime.now(UTC)
    events = []
    for tenant in settings.tenants:
        fact = tenant if tenant.registered_at is not None else tenant.model_copy(update={"registered_at": now})
        event_id = f"{fact.tenant}/{now.isoformat()}"
        events.append(cloud_event(GOVERNANCE, event_id, fact.tenant, now, fact.model_dump_json().encode()))
    if events:
        async with Outbox(settings.kafka) as outbox:
            await outbox.publish(GOVERNANCE.name, 0, events)
    return [tenant.tenant for tenant in settings.tenants]
