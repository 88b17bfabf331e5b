"""A past, made by ClickHouse itself, and what the analyst said of it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Any

import orjson

from schemas.settings import Settings
from streams.envelope import header
from streams.partitioning import home_partition
from streams.records import Record
from streams.tail import read_tail
from streams.topics import ANOMALIES, Topic
from streams.warehouse.client import Warehouse

MINUTE = 60
RESULTS = """
INSERT INTO results_store (event_key, id, tenant, user, status, model, task_type, input_tokens, output_tokens,
    cost_usd, latency_ms, tags, completed_at, timestamp)
SELECT
    reinterpretAsUInt128(sipHash128({tenant:String}, {name:String}, number)) AS event_key,
    concat({name:String}, '-', toString(number)) AS id, {tenant:String} AS tenant,
    if({user:String} = '', concat('user-', toString(number % 7)), {user:String}) AS user,
    'completed' AS status, if({model:String} != '', {model:String}, if(number % 3 = 0, 'large', 'small')) AS model,
    'chat' AS task_type, 100 AS input_tokens, 50 AS output_tokens,
    toDecimal128({usd:Float64} * (0.8 + (cityHash64({name:String}, number) % 1000) / 2500), 18) AS cost_usd,
    800 + cityHash64(number) % 400 AS latency_ms, map('team', if({user:String} = '', 'search', 'batch')) AS tags,
    toDateTime64({start:UInt32} + number * {seconds:UInt32} / {requests:UInt32}, 6, 'UTC') AS completed_at,
    completed_at AS timestamp
FROM numbers({requests:UInt64})
"""


async def results(
    warehouse: Warehouse,
    tenant: str,
    first: int,
    last: int,
    per_minute: float,
    usd: float,
    *,
    user: str = "",
    model: str = "",
) -> None:
    """Put evenly spread results into the minutes `first` to `last`, in minutes since 1970."""
    minutes = last - first + 1
    parameters: dict[str, object] = {
        "tenant": tenant,
        "name": f"{tenant}-{first}-{user}-{model}",
        "user": user,
        "model": model,
        "usd": usd,
        "start": first * MINUTE,
        "seconds": minutes * MINUTE,
        "requests": round(minutes * per_minute),
    }
    await warehouse.command(RESULTS, parameters)


async def analyst_process(settings: Settings) -> asyncio.subprocess.Process:
    """Start an analyst as a process of its own."""
    sections = {name: getattr(settings, name) for name in ("kafka", "clickhouse", "worker", "analytics")}
    variables = {
        f"ASAHI_{name}_{key}".upper(): value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, section in sections.items()
        for key, value in section.model_dump(mode="json").items()
        if key not in ("password", "webhook_secret", "webhooks")
    }
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "agents.analytics", env=os.environ | variables)


async def told(settings: Settings, tenant: str, topic: Topic = ANOMALIES) -> list[tuple[str, dict[str, Any]]]:
    """Return every event about a tenant, with its type, in the order of the log."""
    partition = home_partition(tenant, topic.partitions(settings.kafka)) if topic.copartitioned else 0
    found: list[Record] = []
    async for records in read_tail(settings.kafka, {(topic.name, partition): 0}):
        found += records
    events = [((header(each.headers, "ce_type") or b"").decode(), orjson.loads(each.value or b"")) for each in found]
    return [(kind, event) for kind, event in events if event.get("tenant") == tenant]


def ids(events: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    return [event["id"] for _, event in events]
