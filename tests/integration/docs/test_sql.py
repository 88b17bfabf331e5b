"""Every query in the docs runs on freshly created tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from schemas.settings import ClickHouseSettings, Settings
from streams.embedded.warehouse import EmbeddedWarehouse
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import migrate, statements_of
from tests.unit.docs.fences import Fence, fences


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseSettings]:
    """An engine of its own: the queries run as written, and they name the database `asahi`."""
    engine = EmbeddedWarehouse(tmp_path_factory.mktemp("docs"), port=0)
    asyncio.run(engine.start())
    settings = Settings(clickhouse=ClickHouseSettings(url=engine.url))
    asyncio.run(migrate(settings))
    yield settings.clickhouse
    asyncio.run(engine.stop())


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
