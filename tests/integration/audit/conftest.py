from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from schemas.settings import Settings
from tests.integration.warehouse.conftest import warehouse as warehouse
from tests.integration.warehouse.databases import migrated_database


@pytest.fixture
async def settings(clickhouse_server: str) -> AsyncIterator[Settings]:
    """Settings that name empty tables."""
    async with migrated_database(clickhouse_server) as clickhouse:
        yield Settings(clickhouse=clickhouse)
