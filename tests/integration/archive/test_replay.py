"""The tables hold what the archive says, and can be made again from it."""

from __future__ import annotations

import asyncio

import pytest

from schemas.errors import WarehouseError
from schemas.settings import Settings
from streams.archive import TableReplay, replay
from streams.archive.totals import disagreements
from streams.topics import REQUESTS, RESULTS, USAGE
from streams.warehouse.client import Warehouse
from tests.integration.sink.events import bulk, publish, result_event, usage_event
from tests.integration.sink.running import eventually, running
from tests.integration.warehouse.databases import count

EVENTS = 200


async def fill(settings: Settings, warehouse: Warehouse, first: int, beyond: int) -> None:
    """Send requests with their results and usages, some twice, and wait for them."""
    numbers = range(first, beyond)
    await publish(settings, REQUESTS, [bulk(numbers)])
    await publish(settings, RESULTS, [result_event(number) for number in (*numbers, first)])
    await publish(settings, USAGE, [usage_event(number) for number in (*numbers, first)])

    async def there() -> bool:
        return await count(warehouse, "usage") >= beyond and await count(warehouse, "results") >= beyond

    await eventually(there)


def of(tables: tuple[TableReplay, ...], name: str) -> TableReplay:
    (found,) = [table for table in tables if table.table == name]
    return found


async def leftovers(warehouse: Warehouse) -> list[object]:
    rows = await warehouse.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%replay%'"
    )
    return list(rows)


async def test_tables_are_what_the_archive_says(old: Settings, warehouse: Warehouse) -> None:
    async with running(old):
        await fill(old, warehouse, 0, EVENTS)
    report = await replay(old, swap=False)
    assert all(table.identical and not table.swapped for table in report.tables)
    assert {table.table: table.rows_after for table in report.tables} == {
        "requests": EVENTS,
        "results": EVENTS,
        "usage": EVENTS,
        "audit": 0,
        "dead_letters": 0,
        "feedback": 0,
    }
    assert await leftovers(warehouse) == []


async def test_damaged_tables_are_told_and_mended(old: Settings, warehouse: Warehouse) -> None:
    async with running(old):
        await fill(old, warehouse, 0, EVENTS)
    done = {"mutations_sync": 1}
    await warehouse.command("DELETE FROM calls_store WHERE id = 'call-3'")
    await warehouse.command("ALTER TABLE results_store UPDATE cost_usd = 5 WHERE id = 'request-7'", settings=done)
    await warehouse.command("INSERT INTO audit_store (event_key, id) VALUES (1, 'made up')")

    seen = await replay(old, swap=False)
    assert (of(seen.tables, "usage").missing, of(seen.tables, "usage").rows_before) == (1, EVENTS - 1)
    assert of(seen.tables, "results").changed == 1
    assert of(seen.tables, "audit").surplus == 1
    assert await count(warehouse, "usage") == EVENTS - 1, "without a swap nothing is touched"

    assert await disagreements(warehouse) != []
    mended = await replay(old, swap=True)
    assert all(table.swapped for table in mended.tables)
    assert await disagreements(warehouse) == []
    assert all(table.identical for table in (await replay(old, swap=False)).tables)
    assert await count(warehouse, "usage") == EVENTS
    assert await count(warehouse, "audit") == 0
    assert await leftovers(warehouse) == []


async def test_events_that_come_meanwhile_are_in_the_new_table(old: Settings, warehouse: Warehouse) -> None:
    async with running(old):
        await fill(old, warehouse, 0, EVENTS)
        replaying = asyncio.create_task(replay(old, swap=True))
        sent = EVENTS
        while not replaying.done():
            await fill(old, warehouse, sent, sent + 20)
            sent += 20
        report = await replaying
        assert all(table.swapped and table.identical for table in report.tables)
        await fill(old, warehouse, sent, sent + 20)
    assert sent > EVENTS
    after = await replay(old, swap=False)
    assert all(table.identical for table in after.tables)
    assert of(after.tables, "results").rows_after == sent + 20


async def test_leftovers_of_a_killed_replay_do_not_matter(old: Settings, warehouse: Warehouse) -> None:
    await warehouse.command("CREATE TABLE calls_replay AS calls_store")
    await warehouse.command("CREATE TABLE results_replay AS results_store")
    await warehouse.command(
        "CREATE MATERIALIZED VIEW results_replay_fold TO results_replay AS SELECT ce_id AS id FROM archive_store"
    )
    report = await replay(old, swap=False)
    assert all(table.identical for table in report.tables)
    assert await leftovers(warehouse) == []


async def test_missing_archive_is_an_error_and_leaves_the_tables(old: Settings, warehouse: Warehouse) -> None:
    async with running(old):
        await fill(old, warehouse, 0, 10)
    await warehouse.command("RENAME TABLE archive_store TO elsewhere")
    with pytest.raises(WarehouseError):
        await replay(old, swap=True)
    assert await count(warehouse, "results") == 10
    assert await leftovers(warehouse) == []
