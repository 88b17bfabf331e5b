"""What is removed is in no file of the data folder any more, and one sink of several does it by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from agents.governance.compliance.evidence import gather
from agents.governance.compliance.judgements import Verdict, retention
from agents.governance.encryption.places import files
from agents.governance.retention.agent import retain, retain_regularly
from agents.governance.retention.removal import ACTION, SYSTEM
from schemas.policy import Policy
from schemas.settings import ClickHouseSettings, GovernanceSettings, Settings
from schemas.tenant import TenantRegistered
from streams.archive import replay, restore
from streams.embedded.warehouse import EmbeddedWarehouse
from streams.envelope import Publication
from streams.topics import GOVERNANCE, REQUESTS, RESULTS
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import migrate
from tests.integration.retention.written import NOW, answered, at, body, sent
from tests.integration.sink.events import publish
from tests.integration.sink.logs import fresh_log
from tests.integration.sink.running import eventually, running
from tests.integration.warehouse.databases import count

ACME, ZETA = "acme", "zeta"
NEEDLES = {b"question of gone", b"question of kept", b"question of zeta"}
UNCOMPRESSED = "ALTER TABLE archive_store MODIFY COLUMN value Nullable(String) CODEC(NONE)"
SOON = "ALTER TABLE archive_store MODIFY SETTING old_parts_lifetime = 1"


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Settings]:
    """A broker and a ClickHouse of one's own, whose files can be read: prompts stand in them as they are."""
    engine = EmbeddedWarehouse(tmp_path / "data", port=0)
    await engine.start()
    try:
        clickhouse = ClickHouseSettings(url=engine.url, block_seconds=0.1, retry_max_seconds=0.2)
        async with fresh_log(tmp_path / "log", clickhouse) as settings:
            await migrate(settings)
            async with Warehouse(clickhouse) as warehouse:
                await warehouse.command(UNCOMPRESSED)
                await warehouse.command(SOON)
            governance = GovernanceSettings(retention_seconds=0.2)
            yield settings.model_copy(update={"governance": governance})
    finally:
        await engine.stop()


def organization(name: str, days: int | None) -> Publication:
    fact = TenantRegistered(tenant=name, reference_model="big", policy=Policy(retention_days=days))
    return Publication(fact.model_dump_json().encode(), name.encode())


async def send(settings: Settings, request_id: str, tenant: str, age: float) -> None:
    """Send a request and its result as if it had been so many days ago."""
    moment = int(at(age).timestamp() * 1000)
    result = answered(request_id, tenant, age)
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap) as producer:
        for topic, event in ((REQUESTS, sent(body(request_id, tenant), tenant=tenant)), (RESULTS, result)):
            await producer.send_and_wait(
                topic.name, event.value, event.key, partition=0, timestamp_ms=moment, headers=event.headers
            )


def in_files(folder: Path) -> set[bytes]:
    return {needle for _, chunk in files(folder) for needle in NEEDLES if needle in chunk}


async def acts(warehouse: Warehouse) -> list[tuple[str, str]]:
    rows = await warehouse.rows("SELECT tenant, actor FROM audit WHERE action = {a:String}", {"a": ACTION})
    return [(row["tenant"], row["actor"]) for row in rows]


async def judged(settings: Settings, now: datetime) -> tuple[Verdict, str]:
    found = await gather(settings, ACME, NOW - timedelta(days=30), now, now, None)
    judgement = retention(found)
    return judgement.verdict, judgement.figure


async def test_the_bytes_leave_the_data_folder_and_one_of_two_sinks_sees_to_it(own: Settings, tmp_path: Path) -> None:
    data = tmp_path / "data"
    await publish(own, GOVERNANCE, [organization(ACME, 8), organization(ZETA, None)], 0)
    for request_id, tenant, age in (("gone", ACME, 9.0), ("kept", ACME, 7.0), ("zeta", ZETA, 400.0)):
        await send(own, request_id, tenant, age)
    async with Warehouse(own.clickhouse) as warehouse, running(own) as first, running(own) as second:

        async def archived() -> bool:
            return await count(warehouse, "archive") >= 8 and await count(warehouse, "results") >= 3

        await eventually(archived)
        assert in_files(data) == NEEDLES
        before = await warehouse.rows("SELECT * FROM results ORDER BY id")
        assert await judged(own, NOW + timedelta(seconds=1)) == (
            Verdict.GAP,
            "8 days; oldest content 9.0 days; 2 events overdue",
        )
        looked, _ = await retain(own, NOW, whole=True, dry_run=True, actor=None, reason=None)
        assert [(one.tenant, one.events["requests"], one.events["results"]) for one in looked.tenants] == [
            (ACME, 1, 1)
        ]
        assert await acts(warehouse) == []

        async def alone() -> bool:
            return first.is_chosen() != second.is_chosen()

        await eventually(alone, "one of two sinks is chosen")
        stop = asyncio.Event()
        chores = [asyncio.create_task(retain_regularly(own, sink.is_chosen, stop)) for sink in (first, second)]

        async def removed() -> bool:
            return in_files(data) == NEEDLES - {b"question of gone"}

        async with asyncio.timeout(180):
            while not await removed():
                await asyncio.wait(chores, timeout=0.2)

        async def audited() -> bool:
            return bool(await acts(warehouse))

        await eventually(audited)
        stop.set()
        await asyncio.gather(*chores)
        assert await acts(warehouse) == [(ACME, SYSTEM)]
        assert await warehouse.rows("SELECT * FROM results ORDER BY id") == before
        assert (await judged(own, NOW + timedelta(seconds=1)))[0] is Verdict.EVIDENCE
    assert all(table.identical for table in (await replay(own, swap=False)).tables)


async def test_a_topic_that_keeps_content_longer_is_a_gap(own: Settings) -> None:
    await publish(own, GOVERNANCE, [organization(ACME, 2)], 0)
    async with Warehouse(own.clickhouse) as warehouse, running(own):

        async def archived() -> bool:
            return await count(warehouse, "archive") >= 1

        await eventually(archived)
    verdict, figure = await judged(own, NOW)
    assert (verdict, figure.endswith("168 hours on topics")) == (Verdict.GAP, True), figure


async def test_what_is_restored_without_content_is_ended_rather_than_forgotten(own: Settings, tmp_path: Path) -> None:
    await publish(own, GOVERNANCE, [organization(ACME, 1)], 0)
    moment = int(at(2.0).timestamp() * 1000)
    async with AIOKafkaProducer(bootstrap_servers=own.kafka.bootstrap) as producer:
        await producer.send_and_wait(
            REQUESTS.name, body("open", ACME), ACME.encode(), partition=0, timestamp_ms=moment
        )
    async with Warehouse(own.clickhouse) as warehouse, running(own):

        async def archived() -> bool:
            return await count(warehouse, "requests") >= 1

        await eventually(archived)
        await retain(own, NOW, whole=True, dry_run=False, actor="amara", reason="now")
        (row,) = await warehouse.rows("SELECT value FROM archive WHERE topic = 'asahi.requests'")
    left = msgspec.json.decode(row["value"])
    assert set(left) == {"id", "tenant", "tags", "content_removed"}
    async with fresh_log(tmp_path / "new", own.clickhouse) as new:
        assert (await restore(new)).requests == 1
