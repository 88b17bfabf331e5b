"""Paid calls as the archive has them, and corrections on their way to the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from schemas.settings import KafkaSettings
from schemas.wire import UsageRecord
from streams.envelope import Publication, cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import USAGE
from streams.warehouse.client import Warehouse

NEWEST = """
SELECT value FROM archive_store
WHERE topic = {topic:String} AND (cluster, partition, offset) IN
(
    SELECT cluster, partition, offset FROM usage
    WHERE occurred_at >= {since:DateTime64(6, 'UTC')} AND occurred_at < {until:DateTime64(6, 'UTC')}
)
ORDER BY topic, cluster, partition, offset LIMIT 1 BY cluster, partition, offset
"""
"""The events behind the rows that hold now, which for a corrected call is the newest correction."""

_decode = msgspec.json.Decoder(UsageRecord).decode


async def logged_calls(warehouse: Warehouse, since: datetime, until: datetime) -> AsyncIterator[list[UsageRecord]]:
    """Yield the calls begun in a span of time, each as its newest event says, block by block."""
    span = {"topic": USAGE.name, "since": since, "until": until}
    async for block in warehouse.stream(NEWEST, span):
        yield [_decode(value) for (value,) in block]


async def publish(outbox: Outbox, kafka: KafkaSettings, corrections: Sequence[UsageRecord], now: datetime) -> None:
    """Put corrections on the log, where their tenants' usage is.

    As a CloudEvent each has an id of its own, made of the call's id and the revision.
    """
    partitions: dict[int, list[Publication]] = defaultdict(list)
    for record in corrections:
        value = msgspec.json.encode(record)
        event = cloud_event(USAGE, f"{record.id}/{record.revision}", record.tenant, now, value)
        partitions[home_partition(record.tenant, USAGE.partitions(kafka))].append(event)
    for partition, events in partitions.items():
        await outbox.publish(USAGE.name, partition, events)
