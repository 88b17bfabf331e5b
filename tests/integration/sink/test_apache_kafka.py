"""The same sink on Apache Kafka, beside whatever else is on its topics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from schemas.settings import KafkaSettings, Settings
from streams.admin import ensure_topics
from streams.topics import RESULTS
from streams.warehouse.client import Warehouse
from tests.integration.sink.events import COST, result_event, spread
from tests.integration.sink.running import eventually, running, sink_process
from tests.integration.warehouse.databases import count, migrated_database

EVENTS = 2_000

pytestmark = pytest.mark.kafka


@pytest.fixture
async def settings(clickhouse_server: str, apache_kafka: str) -> AsyncIterator[Settings]:
    async with migrated_database(clickhouse_server) as clickhouse:
        kafka = KafkaSettings(bootstrap=apache_kafka, group=f"group-{uuid4().hex}")
        settings = Settings(kafka=kafka, clickhouse=clickhouse)
        await ensure_topics(settings)
        yield settings


async def test_killed_and_shared_sinks_write_each_event_once(settings: Settings) -> None:
    tenant = uuid4().hex
    async with Warehouse(settings.clickhouse) as warehouse:
        doomed = await sink_process(settings)
        await spread(settings, RESULTS, [result_event(number, tenant=tenant) for number in range(EVENTS)])

        async def some_are_there() -> bool:
            return await count(warehouse, "results", f"tenant = '{tenant}'") > 0

        await eventually(some_are_there)
        doomed.kill()
        await doomed.wait()
        async with running(settings), running(settings):
            more = [result_event(number, tenant=tenant) for number in range(EVENTS, 2 * EVENTS)]
            await spread(settings, RESULTS, more)

            async def all_are_there() -> bool:
                return await count(warehouse, "results", f"tenant = '{tenant}'") >= 2 * EVENTS

            await eventually(all_are_there)
        (money,) = await warehouse.rows(
            f"SELECT count() AS found, sum(cost_usd) AS usd FROM results WHERE tenant = '{tenant}'"
        )
        assert money == {"found": 2 * EVENTS, "usd": 2 * EVENTS * COST}
        assert await count(warehouse, "archive", f"ce_source = 'asahi/{tenant}'") == 2 * EVENTS
