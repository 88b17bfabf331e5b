from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.clickhouse_server.endpoint import Endpoint


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """One endpoint for all tests that leave it as they found it."""
    running = Endpoint(tmp_path_factory.mktemp("clickhouse"))
    running.start()
    yield running
    assert running.stop() == 0
    crashes = [record for record in running.log if record.get("level") in ("error", "critical")]
    assert crashes == []


@pytest.fixture(scope="session")
def http(endpoint: Endpoint) -> Iterator[httpx.Client]:
    """A client with one pool of connections: making one per request costs more than the request."""
    with httpx.Client(base_url=endpoint.url, timeout=60) as client:
        yield client


@pytest.fixture
def table(endpoint: Endpoint) -> Iterator[str]:
    """A fresh table of a number and a text."""
    endpoint.query("CREATE OR REPLACE TABLE test_rows (a Int64, b String) ENGINE = MergeTree ORDER BY a")
    yield "test_rows"
    endpoint.query("DROP TABLE test_rows SYNC")
