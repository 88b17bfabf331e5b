from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import urlencode

import pytest

from streams.embedded.clickhouse.config import EndpointConfig
from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.request import QueryRequest, read_request

OPEN = EndpointConfig(path=Path("/nowhere"))
GUARDED = EndpointConfig(path=Path("/nowhere"), user="asahi", password="s3cret")


def read(
    config: EndpointConfig = OPEN, method: str = "POST", headers: dict[str, str] | None = None, **url: str
) -> QueryRequest:
    return read_request(config, method, urlencode(url), headers or {}, multipart=False)


def test_parameters_settings_and_the_rest_are_told_apart() -> None:
    request = read(
        query="SELECT {x:Int8}",
        param_x="1",
        max_threads="2",
        database="d",
        session_id="s",
        query_id="q",
        default_format="JSON",
        wait_end_of_query="1",
        quota_key="ignored",
    )
    assert request.query == b"SELECT {x:Int8}"
    assert request.params == {"x": "1"}
    assert request.settings == {"max_threads": "2"}
    assert (request.database, request.session_id, request.query_id) == ("d", "s", "q")
    assert request.default_format == "JSON"
    assert request.wait_end_of_query


def test_a_query_that_is_not_utf8_survives() -> None:
    request = read_request(OPEN, "POST", "query=SELECT+%27%FF%27", {}, multipart=False)
    assert request.query == b"SELECT '\xff'"


def test_an_id_is_made_up_when_none_is_given() -> None:
    assert read().query_id != read().query_id
    assert read(query_id="").query_id


def test_get_reads_only() -> None:
    assert read(method="GET").settings["readonly"] == "2"
    assert read(method="GET", readonly="1").settings["readonly"] == "1"
    assert "readonly" not in read().settings


def test_multipart_keeps_the_structure_of_external_tables_apart() -> None:
    request = read_request(OPEN, "POST", "t_structure=a+Int8&max_threads=1", {}, multipart=True)
    assert request.external == {"t_structure": "a Int8"}
    assert request.settings == {"max_threads": "1"}


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({"X-ClickHouse-User": "asahi", "X-ClickHouse-Key": "s3cret"}, {}),
        ({"Authorization": "Basic " + base64.b64encode(b"asahi:s3cret").decode()}, {}),
        ({}, {"user": "asahi", "password": "s3cret"}),
    ],
)
def test_each_way_to_log_in_works(headers: dict[str, str], url: dict[str, str]) -> None:
    read(GUARDED, headers=headers, **url)


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({}, {}),
        ({}, {"user": "asahi", "password": "wrong"}),
        ({}, {"user": "default", "password": "s3cret"}),
        ({"Authorization": "Bearer abc"}, {}),
        ({"Authorization": "Basic !!!"}, {}),
        ({"X-ClickHouse-User": "asahi", "X-ClickHouse-Key": "s3cret"}, {"user": "asahi"}),
    ],
)
def test_everything_else_is_kept_out(headers: dict[str, str], url: dict[str, str]) -> None:
    with pytest.raises(ClickHouseError) as refused:
        read(GUARDED, headers=headers, **url)
    assert (refused.value.code, refused.value.http_status) == (516, 403)
    assert "s3cret" not in str(refused.value)


def test_a_secret_is_not_in_the_configurations_repr() -> None:
    assert "s3cret" not in repr(GUARDED)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ({"session_timeout": "100000"}, 374),
        ({"session_timeout": "soon"}, 27),
        ({"session_id": ""}, 744),
        ({"buffer_size": "big"}, 27),
    ],
)
def test_parameters_that_make_no_sense_are_refused(url: dict[str, str], code: int) -> None:
    with pytest.raises(ClickHouseError) as refused:
        read(OPEN, "POST", {}, **url)
    assert refused.value.code == code
