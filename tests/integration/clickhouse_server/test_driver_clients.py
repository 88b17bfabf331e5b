"""ClickHouse's own Python driver against the endpoint, as the pipeline and its readers use it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from tests.integration.clickhouse_server.endpoint import Endpoint

COLUMNS = "id UUID, at DateTime('Asia/Tokyo'), cost Decimal(38, 18), tags Array(String), note Nullable(String)"
NAMES = ["id", "at", "cost", "tags", "note"]


@pytest.fixture(params=[False, "lz4", "zstd", "gzip"])
def client(endpoint: Endpoint, request: pytest.FixtureRequest) -> Iterator[Client]:
    opened = clickhouse_connect.get_client(host="127.0.0.1", port=endpoint.port, compress=request.param)
    opened.command(f"CREATE OR REPLACE TABLE driver_rows ({COLUMNS}) ENGINE = MergeTree ORDER BY at")
    yield opened
    opened.command("DROP TABLE driver_rows SYNC")
    opened.close()


def rows(count: int) -> list[list[object]]:
    start = dt.datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))
    return [
        [
            uuid.UUID(int=number),
            start + dt.timedelta(seconds=number),
            Decimal(number) / 10**18,
            ["a", str(number)],
            None if number % 2 else "x",
        ]
        for number in range(count)
    ]


def test_what_is_inserted_comes_back(client: Client) -> None:
    sent = rows(5000)
    assert client.insert("driver_rows", sent, column_names=NAMES).written_rows == 5000
    result = client.query("SELECT * FROM driver_rows ORDER BY at")
    assert [list(row) for row in result.result_rows] == sent
    assert int(result.summary["result_rows"]) == 5000
    assert client.query("SELECT at FROM driver_rows LIMIT 1").result_rows[0][0].tzinfo == ZoneInfo("Asia/Tokyo")


def test_a_big_result_streams(client: Client) -> None:
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(500000)") as stream:
        assert sum(len(block) for block in stream) == 500_000


def test_a_stream_that_breaks_raises(client: Client) -> None:
    sql = "SELECT number, throwIf(number = 3000000) FROM numbers(10000000)"
    with pytest.raises(StreamFailureError, match="throwIf"), client.query_row_block_stream(sql) as stream:
        for _ in stream:
            pass


def test_parameters_settings_and_external_data(client: Client) -> None:
    assert client.query("SELECT {x:Array(Int8)}", parameters={"x": [1, 2]}).result_rows == [([1, 2],)]
    sql = "SELECT getSetting('max_block_size')"
    assert client.query(sql, settings={"max_block_size": 77}).result_rows == [(77,)]
    assert client.query(sql).result_rows != [(77,)]
    table = ExternalData(file_name="mine", data=b"1\n2\n", fmt="TSV", structure="a Int8")
    assert client.query("SELECT sum(a) FROM mine", external_data=table).result_rows == [(3,)]


def test_arrow_both_ways(client: Client) -> None:
    client.insert_arrow("driver_rows", pa.table({"note": ["x", None], "tags": [["a"], []]}))
    assert client.query_arrow("SELECT note FROM driver_rows ORDER BY note").column("note").to_pylist() == ["x", None]


def test_errors_have_their_code(client: Client) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as refused:
        client.query("SELECT * FROM nowhere")
    assert refused.value.code == 60


def test_temporary_tables_live_in_the_clients_session(client: Client) -> None:
    client.command("CREATE TEMPORARY TABLE mine (a Int8)")
    client.insert("mine", [[1], [2]], column_names=["a"], column_type_names=["Int8"])
    assert client.query("SELECT sum(a) FROM mine").result_rows == [(3,)]


async def test_the_asynchronous_client(endpoint: Endpoint) -> None:
    async with await clickhouse_connect.get_async_client(host="127.0.0.1", port=endpoint.port) as client:
        await client.command(f"CREATE OR REPLACE TABLE async_rows ({COLUMNS}) ENGINE = MergeTree ORDER BY at")
        sent = rows(3000)
        await client.insert("async_rows", sent, column_names=NAMES)
        result = await client.query("SELECT * FROM async_rows ORDER BY at")
        assert [list(row) for row in result.result_rows] == sent
        async with await client.query_rows_stream("SELECT number FROM numbers(200000)") as stream:
            assert [row[0] async for row in stream] == list(range(200_000))
        with pytest.raises(DatabaseError, match="SYNTAX_ERROR"):
            await client.query("SELEC 1")
        await client.command("DROP TABLE async_rows SYNC")
