"""Every query in the docs runs on freshly created tables."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from schemas.settings import ClickHouseSettings, Settings
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import migrate, statements_of
from tests.unit.docs.fences import Fence, fences


@pytest.fixture(scope="module")
def migrated(clickhouse_server: str) -> ClickHouseSettings:
    """A database of its own with all tables."""
    settings = Settings(clickhouse=ClickHouseSettings(url=clickhouse_server, database=f"docs_{uuid4().hex}"))
    asyncio.run(migrate(settings))
    return settings.clickhouse


@pytest.mark.parametrize("fence", fences("sql"), ids=str)
async def test_query_runs(fence: Fence, migrated: ClickHouseSettings) -> None:
    statements = statements_of(fence.text)
    assert statements, "a block without a statement"
    async with Warehouse(migrated) as warehouse:
        for statement in statements:
            await warehouse.rows(statement)


async def test_a_wrong_query_is_found(migrated: ClickHouseSettings) -> None:
    async with Warehouse(migrated) as warehouse:
        with pytest.raises(Exception, match="no_such_table"):
            await warehouse.rows("SELECT * FROM no_such_table")
