from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.settings import Settings
from streams.warehouse.client import Warehouse
from tests.integration.sink.logs import fresh_log
from tests.integration.warehouse.databases import migrated_database


@pytest.fixture
async def settings(clickhouse_server: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """An empty log and empty tables."""
    async with migrated_database(clickhouse_server) as clickhouse, fresh_log(tmp_path, clickhouse) as settings:
        yield settings


@pytest.fixture
async def warehouse(settings: Settings) -> AsyncIterator[Warehouse]:
    async with Warehouse(settings.clickhouse) as client:
        yield client
