from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from schemas.errors import WarehouseError, WarehouseUnavailable
from schemas.settings import ClickHouseSettings
from streams.embedded.ports import LOOPBACK, claim_port
from streams.sink.native import Column, block, strings, unsigned
from streams.warehouse.client import Warehouse


@pytest.fixture
async def system(clickhouse_server: str) -> Warehouse:
    return Warehouse(ClickHouseSettings(url=clickhouse_server), "system")


async def test_rows_come_with_names_and_exact_money(system: Warehouse) -> None:
    async with system:
        (row,) = await system.rows(
            "SELECT {text:String} AS text, toDecimal128('0.000000000000000125', 18) AS money, "
            "toDateTime64('2026-11-23 10:00:00.5', 3, 'UTC') AS moment",
            {"text": "it's {a} 'test' \\ \n ü"},
        )
    assert row["text"] == "it's {a} 'test' \\ \n ü"
    assert row["money"] == Decimal("0.000000000000000125")
    assert row["moment"].replace(tzinfo=UTC) == datetime(2026, 11, 23, 10, 0, 0, 500_000, tzinfo=UTC)


async def test_stream_gives_strings_as_bytes_block_by_block(system: Warehouse) -> None:
    async with system:
        sql = "SELECT number, unhex('ff') AS raw FROM numbers(10)"
        blocks = [block async for block in system.stream(sql, settings={"max_block_size": 4})]
    rows = [tuple(row) for each in blocks for row in each]
    assert rows == [(number, b"\xff") for number in range(10)]
    assert len(blocks) > 1


async def test_refused_statement_is_an_error_with_its_code(system: Warehouse) -> None:
    async with system:
        with pytest.raises(WarehouseError, match="UNKNOWN_TABLE") as refused:
            await system.rows("SELECT * FROM no_such_table")
    assert refused.value.code == 60


async def test_stream_that_breaks_off_is_an_error_and_not_the_end(system: Warehouse) -> None:
    async with system:
        with pytest.raises((WarehouseError, WarehouseUnavailable)):
            async for _ in system.stream(
                "SELECT throwIf(number = 200000, 'too far') FROM numbers(1000000)", settings={"max_block_size": 1000}
            ):
                pass


async def test_nobody_there_is_unavailable() -> None:
    url = f"http://{LOOPBACK}:{claim_port(0, 'test')}"
    async with Warehouse(ClickHouseSettings(url=url)) as nobody:
        with pytest.raises(WarehouseUnavailable, match=url):
            await nobody.rows("SELECT 1")
        with pytest.raises(WarehouseUnavailable, match=url):
            await nobody.insert("t", ["a"], b"")


async def test_slow_answer_is_unavailable(clickhouse_server: str) -> None:
    async with Warehouse(ClickHouseSettings(url=clickhouse_server, timeout_seconds=0.3), "system") as hasty:
        await hasty.rows("SELECT 1")
        with pytest.raises(WarehouseUnavailable):
            await hasty.rows("SELECT sleep(2)")


async def test_encoded_block_is_inserted(settings: object, warehouse: Warehouse) -> None:
    del settings
    async with Warehouse(warehouse._settings, "system") as system:
        await system.command("CREATE DATABASE {name:Identifier}", {"name": warehouse._settings.database})
    await warehouse.command("CREATE TABLE t (n UInt64, s LowCardinality(String)) ENGINE = MergeTree ORDER BY n")
    data = block(2, [Column("n", "UInt64", unsigned([1, 2])), Column("s", "String", strings([b"a", b"b"]))])
    await warehouse.insert("t", ["n", "s"], data, {"async_insert": 0})
    assert await warehouse.rows("SELECT n, s FROM t ORDER BY n") == [{"n": 1, "s": "a"}, {"n": 2, "s": "b"}]
    with pytest.raises(WarehouseError):
        await warehouse.insert("t", ["n", "s"], data[:-1])
    (counted,) = await warehouse.rows("SELECT count() AS found FROM t")
    assert counted["found"] == 2, "a block that breaks off leaves no row"


async def test_insert_that_fails_only_when_it_is_written_is_refused(warehouse: Warehouse) -> None:
    """The embedded engine's own streaming insert says that all is well here, and drops the rows."""
    async with Warehouse(warehouse._settings, "system") as system:
        await system.command("CREATE DATABASE {name:Identifier}", {"name": warehouse._settings.database})
    await warehouse.command(
        "CREATE TABLE small (n UInt64, CONSTRAINT is_small CHECK n < 5) ENGINE = MergeTree ORDER BY n"
    )
    await warehouse.command("CREATE TABLE seen (n UInt64) ENGINE = MergeTree ORDER BY n")
    await warehouse.command("CREATE MATERIALIZED VIEW fold TO seen AS SELECT n + throwIf(n = 3) AS n FROM small")
    for number, code in ((7, 469), (3, 395)):
        data = block(1, [Column("n", "UInt64", unsigned([number]))])
        with pytest.raises(WarehouseError) as refused:
            await warehouse.insert("small", ["n"], data, {"async_insert": 0})
        assert refused.value.code == code
    await warehouse.insert("small", ["n"], block(1, [Column("n", "UInt64", unsigned([1]))]), {"async_insert": 0})
    assert await warehouse.rows("SELECT n FROM seen") == [{"n": 1}]
