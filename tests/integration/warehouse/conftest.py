from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from schemas.settings import Settings
from streams.warehouse.client import Warehouse
from tests.integration.warehouse.databases import fresh_database


@pytest.fixture
async def settings(clickhouse_server: str) -> AsyncIterator[Settings]:
    """Settings with a database that does not exist yet."""
    async with fresh_database(clickhouse_server) as clickhouse:
        yield Settings(clickhouse=clickhouse)


@pytest.fixture
async def warehouse(settings: Settings) -> AsyncIterator[Warehouse]:
    async with Warehouse(settings.clickhouse) as client:
        yield client
