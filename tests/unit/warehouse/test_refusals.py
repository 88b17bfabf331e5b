from __future__ import annotations

import aiohttp
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError, ProgrammingError

from schemas.errors import WarehouseError, WarehouseUnavailable
from streams.warehouse.refusals import as_ours

URL = "http://warehouse:8123"


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("Network Error: Cannot connect"),
        DatabaseError("HTTP 502 of a proxy"),
        DatabaseError("memory", code=241),
        OperationalError("overloaded", code=202),
        aiohttp.ClientPayloadError(),
        ConnectionResetError("reset"),
        TimeoutError(),
    ],
    ids=repr,
)
def test_what_passes_is_unavailable(error: Exception) -> None:
    ours = as_ours(error, URL)
    assert isinstance(ours, WarehouseUnavailable)
    assert URL in str(ours)
    assert not str(ours).endswith(": ")


@pytest.mark.parametrize(
    "error",
    [DatabaseError("no table", code=60), OperationalError("constraint", code=469), ProgrammingError("no data")],
    ids=repr,
)
def test_what_stays_wrong_is_an_error_with_its_code(error: DatabaseError) -> None:
    ours = as_ours(error, URL)
    assert isinstance(ours, WarehouseError)
    assert ours.code == error.code
