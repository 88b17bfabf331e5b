from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agents.governance.retention.removal import patient
from schemas.settings import Settings
from streams.warehouse.client import Warehouse
from tests.integration.retention.written import Archive, write_all
from tests.integration.warehouse.databases import migrated_database


@pytest.fixture
async def settings(clickhouse_server: str) -> AsyncIterator[Settings]:
    """Settings that reach tables of one's own."""
    async with migrated_database(clickhouse_server) as clickhouse:
        yield Settings(clickhouse=patient(clickhouse))


@pytest.fixture
async def warehouse(settings: Settings) -> AsyncIterator[Warehouse]:
    async with Warehouse(settings.clickhouse) as client:
        yield client


@pytest.fixture
async def archive(warehouse: Warehouse) -> Archive:
    """An archive in which there is something of everything."""
    written = Archive(warehouse)
    await write_all(written)
    return written
