"""The panels ask what the sink has written, and what they say adds up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import TopicPartition

from dashboards.panels import PANELS, read_panels
from schemas.errors import ConfigurationError
from schemas.result import Status
from schemas.settings import Settings
from streams.envelope import Publication
from streams.sink.block import COLUMNS, Block, encode
from streams.topics import RESULTS, USAGE
from streams.warehouse.client import Row, Warehouse
from streams.warehouse.migrations import migrate
from tests.integration.sink.events import BASELINE, COST, START, result_event, usage_event
from tests.integration.warehouse.databases import migrated_database
from tests.unit.sink.records import record

COMPLETED, CACHED = 30, 10


async def archive(warehouse: Warehouse, place: TopicPartition, events: list[Publication]) -> None:
    records = [
        record(offset, event.value, tuple(event.headers), event.key, place) for offset, event in enumerate(events)
    ]
    block = Block({place: records})
    await warehouse.insert("archive_store", COLUMNS, encode("log-1", block.in_order()), {"async_insert": 0})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(clickhouse_server: str) -> AsyncIterator[Settings]:
    """Tables with the events that all tests here ask about and none changes."""
    completed = [result_event(number) for number in range(COMPLETED)]
    cached = [result_event(number, status=Status.CACHED) for number in range(COMPLETED, COMPLETED + CACHED)]
    async with migrated_database(clickhouse_server) as clickhouse, Warehouse(clickhouse) as warehouse:
        settings = Settings(clickhouse=clickhouse)
        await archive(warehouse, TopicPartition(RESULTS.name, 0), [*completed, *cached, completed[0]])
        await archive(warehouse, TopicPartition(USAGE.name, 0), [usage_event(number) for number in range(COMPLETED)])
        yield settings


@pytest.fixture
async def written(filled: Settings) -> AsyncIterator[Warehouse]:
    async with Warehouse(filled.clickhouse) as client:
        yield client


async def only(name: str, warehouse: Warehouse) -> Row:
    (row,) = await PANELS[name].ask(warehouse)
    return row


async def test_every_panel_answers_of_empty_tables_too(settings: Settings, warehouse: Warehouse) -> None:
    await migrate(settings)
    assert PANELS
    for panel in PANELS.values():
        assert panel.title
        assert panel.meaning.endswith(".")
        await panel.ask(warehouse)


async def test_results_and_cache_add_up(written: Warehouse) -> None:
    statuses = await PANELS["results_by_status"].ask(written)
    assert {row["status"]: row["results"] for row in statuses} == {"completed": COMPLETED, "cached": CACHED}
    assert sum(row["percent"] for row in statuses) == 100
    hits = await only("cache", written)
    assert (hits["hits"], hits["percent"]) == (CACHED, 25.0)


async def test_money_adds_up_to_the_last_digit(written: Warehouse) -> None:
    spend = await only("spend", written)
    everyone = COMPLETED + CACHED
    assert spend["spent_usd"] == COST * everyone
    assert spend["baseline_usd"] == BASELINE * everyone
    assert spend["saved_usd"] == (BASELINE - COST) * everyone
    assert spend["saved_percent"] == 100.0
    savings = await only("savings", written)
    assert (savings["cause"], savings["saved_usd"]) == ("routing", spend["saved_usd"])
    usage = await only("usage", written)
    assert (usage["calls"], usage["spent_usd"], usage["wasted_usd"]) == (COMPLETED, COST * COMPLETED, Decimal(0))


async def test_times_add_up(written: Warehouse) -> None:
    throughput = await only("throughput", written)
    assert throughput["total"] == COMPLETED + CACHED
    assert throughput["seconds"] == 0.044
    latency = {row["status"]: row for row in await PANELS["latency"].ask(written)}
    assert latency["completed"]["p50_ms"] == latency["completed"]["p99_ms"] == 5.0
    stages = {row["stage"]: row["p50_ms"] for row in await PANELS["stages"].ask(written)}
    assert stages == {"governance": 0.1, "providers": 4.9}
    models = await only("models", written)
    assert (models["model"], models["answers"], models["output_tokens"]) == ("small", COMPLETED, 20 * COMPLETED)


async def test_what_is_older_is_left_out(written: Warehouse) -> None:
    since = START + timedelta(milliseconds=5 + COMPLETED)
    rows = await PANELS["results_by_status"].ask(written, since.astimezone())
    assert [(row["status"], row["results"]) for row in rows] == [("cached", CACHED)]
    assert await PANELS["results_by_status"].ask(written, START + timedelta(days=1)) == []


def test_panel_without_a_title_is_named(tmp_path: Path) -> None:
    (tmp_path / "bare.sql").write_text("SELECT 1\nFROM results\n")
    with pytest.raises(ConfigurationError, match=r"bare\.sql"):
        read_panels(tmp_path)
