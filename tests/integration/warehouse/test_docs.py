"""docs/tables.md names every column there is, and its queries run."""

from __future__ import annotations

import re

import pytest

from schemas.settings import Settings
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import migrate
from tests.integration.warehouse.test_migrations import READ_BY_ANALYSTS
from tests.unit.docs.fences import ROOT, Fence, fences

PAGE = ROOT / "docs" / "tables.md"
QUERIES = [fence for fence in fences("sql") if fence.page == PAGE]
SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
OUR_DATABASE = re.compile(r"(?<!')\basahi\.")
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)


def test_there_is_a_dozen_of_queries() -> None:
    assert len(QUERIES) >= 12


@pytest.mark.parametrize("query", QUERIES, ids=str)
async def test_query_runs(query: Fence, settings: Settings, warehouse: Warehouse) -> None:
    await migrate(settings)
    await warehouse.command(OUR_DATABASE.sub(f"{settings.clickhouse.database}.", query.text))


async def test_every_column_is_described(settings: Settings, warehouse: Warehouse) -> None:
    await migrate(settings)
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
