"""A log of one's own: an embedded broker with our topics, empty."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from schemas.settings import ClickHouseSettings, KafkaSettings, Settings
from streams.admin import ensure_topics
from streams.embedded.broker import EmbeddedBroker

PARTITIONS = 3


@asynccontextmanager
async def fresh_log(folder: Path, clickhouse: ClickHouseSettings) -> AsyncIterator[Settings]:
    """Yield settings that reach a broker nobody else knows, and ClickHouse as given."""
    broker = EmbeddedBroker(folder, port=0)
    await broker.start()
    settings = Settings(
        kafka=KafkaSettings(
            bootstrap=broker.bootstrap,
            partitions=PARTITIONS,
            fetch_max_wait_ms=4,
            session_timeout_seconds=2.0,
            idempotent_producer=False,
        ),
        clickhouse=clickhouse,
    )
    try:
        await ensure_topics(settings)
        yield settings
    finally:
        await broker.stop()
