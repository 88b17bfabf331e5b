from __future__ import annotations

import threading
from collections.abc import Callable

import httpx
import pytest

from tests.integration.clickhouse_server.endpoint import wait_until

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(http: httpx.Client, request: pytest.FixtureRequest) -> Ask:
    def send(sql: str, **url: str | int) -> httpx.Response:
        return http.post("/", params={"session_id": request.node.name, **url}, content=sql)

    return send


def test_temporary_tables_live_in_their_session(http: httpx.Client, ask: Ask) -> None:
    ask("CREATE TEMPORARY TABLE mine (a Int8)")
    ask("1\n2\n", query="INSERT INTO mine FORMAT TSV")
    assert ask("SELECT sum(a) FROM mine").text == "3\n"
    assert http.post("/", content="SELECT * FROM mine").status_code == 404
    native = ask("SELECT toDateTime(0, 'Asia/Tokyo') AS d, a FROM mine FORMAT Native", client_protocol_version=54405)
    assert b"DateTime('Asia/Tokyo')" in native.content


def test_settings_stay_unless_they_were_in_the_url(ask: Ask) -> None:
    sql = "SELECT getSetting('max_block_size')"
    ask("SET max_block_size = 77")
    assert ask(sql).text == "77\n"
    assert ask(sql, max_block_size=5).text == "5\n"
    assert ask(sql).text == "77\n"
    assert ask("SELECT getSetting('max_threads')", max_threads=1).text == "1\n"
    assert ask("SELECT getSetting('max_threads')").text == "2\n"
    assert ask(sql, no_such_setting=1).status_code == 404
    assert ask(sql).text == "77\n"


def test_use_stays_unless_the_url_names_a_database(ask: Ask) -> None:
    sql = "SELECT currentDatabase()"
    ask("USE system")
    assert ask(sql).text == "system\n"
    assert ask(sql, database="default").text == "default\n"
    assert ask(sql).text == "system\n"


def test_one_session_serves_one_query_at_a_time(http: httpx.Client, ask: Ask) -> None:
    slow = threading.Thread(target=ask, args=("SELECT sleep(1)",), kwargs={"query_id": "slow-one"})
    slow.start()
    running = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleep(1)%'"
    wait_until(lambda: http.post("/", content=running).text == "1\n")
    locked = ask("SELECT 1")
    assert locked.headers["X-ClickHouse-Exception-Code"] == "373"
    assert "(SESSION_IS_LOCKED)" in locked.text
    slow.join()
    assert ask("SELECT 1").text == "1\n"


def test_a_session_may_have_to_exist(ask: Ask) -> None:
    assert ask("SELECT 1", session_check=1).headers["X-ClickHouse-Exception-Code"] == "372"
    ask("SELECT 1")
    assert ask("SELECT 1", session_check=1).text == "1\n"


def test_a_session_ends(ask: Ask) -> None:
    ask("CREATE TEMPORARY TABLE mine (a Int8)", session_timeout=0)
    assert ask("SELECT * FROM mine").status_code == 404
    assert ask("SELECT 1", session_timeout=99999).headers["X-ClickHouse-Exception-Code"] == "374"
