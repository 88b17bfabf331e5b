"""A database of its own for every test, on the one ClickHouse they share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from schemas.settings import ClickHouseSettings
from streams.warehouse.client import Warehouse


@asynccontextmanager
async def fresh_database(url: str) -> AsyncIterator[ClickHouseSettings]:
    """Yield settings that name an unused database; drop it afterwards."""
    settings = ClickHouseSettings(url=url, database=f"test_{uuid4().hex}", block_seconds=0.1, retry_max_seconds=0.2)
    yield settings
    async with Warehouse(settings, "system") as system:
        await system.command(f"DROP DATABASE IF EXISTS {settings.database} SYNC")


async def count(warehouse: Warehouse, table: str, condition: str = "1") -> int:
    """Count the rows of a table or view."""
    (row,) = await warehouse.rows(f"SELECT count() AS found FROM {table} WHERE {condition}")
    return int(row["found"])
