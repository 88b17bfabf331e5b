"""docs/tables.md names every column there is, and its queries run."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from schemas.settings import Settings
from streams.warehouse.client import Warehouse
from tests.integration.warehouse.databases import migrated_database
from tests.integration.warehouse.test_migrations import READ_BY_ANALYSTS
from tests.unit.docs.fences import ROOT, Fence, fences

PAGE = ROOT / "docs" / "tables.md"
QUERIES = [fence for fence in fences("sql") if fence.page == PAGE]
SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
OUR_DATABASE = re.compile(r"(?<!')\basahi\.")
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def migrated(clickhouse_server: str) -> AsyncIterator[Settings]:
    """The tables, made once: the queries of the page leave no rows in them."""
    async with migrated_database(clickhouse_server) as clickhouse:
        yield Settings(clickhouse=clickhouse)


@pytest.fixture
async def warehouse(migrated: Settings) -> AsyncIterator[Warehouse]:
    async with Warehouse(migrated.clickhouse) as client:
        yield client


def test_there_is_a_dozen_of_queries() -> None:
    assert len(QUERIES) >= 12


@pytest.mark.parametrize("query", QUERIES, ids=str)
async def test_query_runs(query: Fence, migrated: Settings, warehouse: Warehouse) -> None:
    await warehouse.command(OUR_DATABASE.sub(f"{migrated.clickhouse.database}.", query.text))


async def test_every_column_is_described(warehouse: Warehouse) -> None:
    described = {name: ROW.findall(text) for name, text in SECTION.findall(PAGE.read_text())}
    for view in READ_BY_ANALYSTS:
        columns = await warehouse.rows(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {view:String} "
            "ORDER BY position",
            {"view": view},
        )
        assert [name for name, _ in described[view]] == [column["name"] for column in columns], view
        for (name, said), column in zip(described[view], columns, strict=True):
            assert said.split(" or ")[0].split("(")[0] in column["type"], name
            whole = column["type"].removeprefix("LowCardinality(").startswith("Nullable")
            assert ("or NULL" in said) == whole, name
