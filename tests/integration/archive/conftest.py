from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.settings import ClickHouseSettings, Settings
from streams.warehouse.client import Warehouse
from tests.integration.sink.logs import fresh_log
from tests.integration.warehouse.databases import migrated_database


@pytest.fixture
async def clickhouse(clickhouse_server: str) -> AsyncIterator[ClickHouseSettings]:
    """Empty tables."""
    async with migrated_database(clickhouse_server) as clickhouse:
        yield clickhouse


@pytest.fixture
async def warehouse(clickhouse: ClickHouseSettings) -> AsyncIterator[Warehouse]:
    async with Warehouse(clickhouse) as client:
        yield client


@pytest.fixture
async def old(clickhouse: ClickHouseSettings, tmp_path: Path) -> AsyncIterator[Settings]:
    """The log that will be forgotten."""
    async with fresh_log(tmp_path / "old", clickhouse) as settings:
        yield settings


@pytest.fixture
async def new(clickhouse: ClickHouseSettings, tmp_path: Path) -> AsyncIterator[Settings]:
    """The empty log that comes after it."""
    async with fresh_log(tmp_path / "new", clickhouse) as settings:
        yield settings
