from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from schemas.settings import ClickHouseSettings
from streams.warehouse.client import Warehouse
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
