"""A database of its own for every test, on the one ClickHouse they share.

Making all tables takes seconds, emptying them hundredths of one: those of a test that changed no more than rows are
emptied for the next.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from schemas.settings import ClickHouseSettings, Settings
from streams.warehouse.client import Row, Warehouse
from streams.warehouse.migrations import migrate

_HISTORY = "schema_migrations"
_unused: dict[str, list[tuple[ClickHouseSettings, list[Row]]]] = {}
"""By server: databases that tests are done with, and their tables when they were made."""


@asynccontextmanager
async def fresh_database(url: str) -> AsyncIterator[ClickHouseSettings]:
    """Yield settings that name an unused database; drop it afterwards."""
    settings = ClickHouseSettings(url=url, database=f"test_{uuid4().hex}", block_seconds=0.1, retry_max_seconds=0.2)
    yield settings
    async with Warehouse(settings, "system") as system:
        await system.command(f"DROP DATABASE IF EXISTS {settings.database} SYNC")


@asynccontextmanager
async def migrated_database(url: str) -> AsyncIterator[ClickHouseSettings]:
    """Yield settings that name a database with all tables and no rows."""
    unused = _unused.setdefault(url, [])
    settings, made = unused.pop() if unused else await _made(url)
    yield settings
    if await _emptied(settings, made):
        unused.append((settings, made))
    else:
        async with Warehouse(settings, "system") as system:
            await system.command(f"DROP DATABASE IF EXISTS {settings.database} SYNC")


async def _made(url: str) -> tuple[ClickHouseSettings, list[Row]]:
    settings = ClickHouseSettings(url=url, database=f"test_{uuid4().hex}", block_seconds=0.1, retry_max_seconds=0.2)
    await migrate(Settings(clickhouse=settings))
    async with Warehouse(settings) as warehouse:
        return settings, await _tables(warehouse)


async def _emptied(settings: ClickHouseSettings, made: list[Row]) -> bool:
    """Empty the tables; return whether they are as they were made, with no rewriting of rows left to be done."""
    async with Warehouse(settings) as warehouse:
        if await _tables(warehouse) != made:
            return False
        for table in made:
            if table["engine"].endswith("MergeTree") and table["name"] != _HISTORY:
                await warehouse.command(f"TRUNCATE TABLE {table['name']}")
        (left,) = await warehouse.rows(
            "SELECT (SELECT count() FROM system.mutations WHERE database = currentDatabase() AND NOT is_done)"
            " + (SELECT sum(total_rows) FROM system.tables WHERE database = currentDatabase()"
            f" AND name != '{_HISTORY}') AS found"
        )
    return int(left["found"]) == 0


async def _tables(warehouse: Warehouse) -> list[Row]:
    """Return all tables and views as statements that would make them, and which migrations made them."""
    tables = await warehouse.rows(
        "SELECT name, engine, create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name"
    )
    if any(table["name"] == _HISTORY for table in tables):
        tables += await warehouse.rows(f"SELECT name, '' AS engine, checksum FROM {_HISTORY} ORDER BY number")
    return tables


async def count(warehouse: Warehouse, table: str, condition: str = "1") -> int:
    """Count the rows of a table or view."""
    (row,) = await warehouse.rows(f"SELECT count() AS found FROM {table} WHERE {condition}")
    return int(row["found"])
