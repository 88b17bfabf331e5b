"""Facts that people state about anomalies, put on the log."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from schemas.anomaly import AnomaliesMuted, AnomalyAcknowledged, Metric
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from streams.audits import current_actor
from streams.envelope import cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import ANOMALIES, ANOMALIES_ACKNOWLEDGED, ANOMALIES_MUTED, Topic
from streams.warehouse.client import Row, Warehouse

BY_ID = "SELECT * FROM anomalies WHERE id = {id:String}"


async def anomaly_of(settings: Settings, anomaly: str) -> Row:
    """Return an anomaly as ClickHouse has it.

    Raises:
        ConfigurationError: There is none of this id.
    """
    async with Warehouse(settings.clickhouse) as warehouse:
        rows = await warehouse.rows(BY_ID, {"id": anomaly})
    if not rows:
        raise ConfigurationError(f"no anomaly {anomaly!r}; `asahi anomalies list` shows their ids")
    return rows[0]


async def acknowledge(settings: Settings, anomaly: str, reason: str | None) -> AnomalyAcknowledged:
    """State that whoever runs this process takes care of an anomaly; return once it is durable."""
    known = await anomaly_of(settings, anomaly)
    fact = AnomalyAcknowledged(
        id=f"{anomaly}/acknowledged/{uuid.uuid4().hex}",
        anomaly=anomaly,
        tenant=known["tenant"],
        acknowledged_by=current_actor(),
        reason=reason,
        acknowledged_at=datetime.now(UTC),
    )
    await _publish(settings, ANOMALIES_ACKNOWLEDGED, fact, fact.acknowledged_at)
    return fact


async def mute(
    settings: Settings, tenant: str, metric: Metric | None, anomaly: str | None, until: datetime, reason: str | None
) -> AnomaliesMuted:
    """State that nobody wants to be told until then; return once it is durable."""
    fact = AnomaliesMuted(
        id=f"mute/{tenant}/{uuid.uuid4().hex}",
        tenant=tenant,
        metric=metric,
        anomaly=anomaly,
        until=until,
        muted_by=current_actor(),
        reason=reason,
        muted_at=datetime.now(UTC),
    )
    await _publish(settings, ANOMALIES_MUTED, fact, fact.muted_at)
    return fact


async def _publish(
    settings: Settings, topic: Topic, fact: AnomalyAcknowledged | AnomaliesMuted, at: datetime
) -> None:
    value = fact.model_dump_json(exclude_defaults=True).encode()
    partition = home_partition(fact.tenant, ANOMALIES.partitions(settings.kafka))
    async with Outbox(settings.kafka) as outbox:
        await outbox.publish(topic.name, partition, [cloud_event(topic, fact.id, fact.tenant, at, value)])
