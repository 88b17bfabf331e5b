"""No event is lost to a replay, whatever was under way when it changed the tables."""

from __future__ import annotations

import asyncio
import logging

import pytest

from schemas.settings import Settings
from streams.archive import replay
from streams.topics import REQUESTS
from streams.warehouse.client import Warehouse
from tests.integration.archive.held import held_insert
from tests.integration.sink.events import request_body
from tests.integration.sink.running import eventually
from tests.integration.warehouse.databases import count

WAITING = "waiting for inserts to end"


UNSEEN = """
INSERT INTO unseen (cluster, topic, partition, offset, timestamp, value)
VALUES ('unseen', 'asahi.requests', 0, 0, now64(3), {value:String})
"""


async def identity(warehouse: Warehouse, table: str) -> str:
    (row,) = await warehouse.rows(
        "SELECT toString(uuid) AS uuid FROM system.tables"
        " WHERE database = currentDatabase() AND name = {table:String}",
        {"table": table},
    )
    return str(row["uuid"])


async def test_an_insert_that_began_before_the_replay_is_in_the_new_table(
    old: Settings, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "streams.warehouse")
    before = await identity(warehouse, "requests_store")

    async def waits_or_has_replaced() -> bool:
        return WAITING in caplog.text or await identity(warehouse, "requests_store") != before

    async with (
        asyncio.TaskGroup() as tasks,
        held_insert(old.clickhouse, warehouse, REQUESTS, [request_body(1), request_body(2)]) as let_end,
    ):
        replaying = tasks.create_task(replay(old, swap=True))
        await eventually(waits_or_has_replaced)
        let_end()
    assert all(table.swapped for table in replaying.result().tables)
    assert await count(warehouse, "requests") == 2
    assert all(table.identical for table in (await replay(old, swap=False)).tables)


async def test_what_no_view_saw_at_the_exchange_is_in_the_new_table(
    old: Settings, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """As if an insert had found the old table under both names: at its own name before the exchange, then after."""
    caplog.set_level(logging.INFO, "streams.warehouse")
    await warehouse.command("CREATE TABLE unseen AS archive_store")
    await warehouse.command(UNSEEN, {"value": request_body(3).decode()})

    async def waits() -> bool:
        return caplog.text.count(WAITING) == 1

    async def waits_again() -> bool:
        return caplog.text.count(WAITING) == 2

    async with (
        asyncio.TaskGroup() as tasks,
        held_insert(old.clickhouse, warehouse, REQUESTS, [request_body(1)]) as let_first_end,
    ):
        tasks.create_task(replay(old, swap=True))
        await eventually(waits)
        async with held_insert(old.clickhouse, warehouse, REQUESTS, [request_body(2)]) as let_second_end:
            let_first_end()
            await eventually(waits_again)
            await warehouse.command("ALTER TABLE archive_store ATTACH PARTITION ALL FROM unseen")
            let_second_end()
    assert await count(warehouse, "requests") == 3
    assert await count(warehouse, "requests_store") <= 6, "what is put in twice is only of the last moments"
    assert all(table.identical for table in (await replay(old, swap=False)).tables)
