"""What ClickHouse's documentation promises of its HTTP interface, asked of the embedded one."""

from __future__ import annotations

import contextlib
import json
import socket

import httpx
import pytest

from tests.integration.clickhouse_server.endpoint import Endpoint


def ask(http: httpx.Client, sql: str | bytes = b"", method: str = "POST", **url: str | int) -> httpx.Response:
    return http.request(method, "/", params=url, content=sql)


def test_ping_answers_without_touching_the_engine(http: httpx.Client) -> None:
    assert (http.get("/ping").status_code, http.get("/ping").text) == (200, "Ok.\n")
    assert http.get("/").text == "Ok.\n"
    assert http.get("/replicas_status").text == "Ok.\n"


def test_options_and_head_are_answered(http: httpx.Client) -> None:
    assert http.options("/").status_code == 204
    head = http.head("/", params={"query": "SELECT 1"})
    assert (head.status_code, head.content) == (200, b"")
    assert http.get("/nowhere").status_code == 404


def test_a_statement_may_be_in_the_url_the_body_or_both(http: httpx.Client) -> None:
    assert ask(http, method="GET", query="SELECT 1").text == "1\n"
    assert ask(http, "SELECT 2").text == "2\n"
    assert ask(http, "2 + 1", query="SELECT").text == "3\n"


def test_headers_tell_what_came_back(http: httpx.Client) -> None:
    answer = ask(http, "SELECT number FROM numbers(7) FORMAT JSON", query_id="my-id")
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-id"
    assert answer.headers["X-ClickHouse-Format"] == "JSON"
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert answer.headers["X-ClickHouse-Server-Display-Name"]
    assert answer.headers["X-ClickHouse-Timezone"]
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("7", "7")
    assert int(summary["elapsed_ns"]) > 0
    assert answer.json()["rows"] == 7


def test_an_insert_tells_what_it_wrote(http: httpx.Client, table: str) -> None:
    answer = ask(http, '{"a": 1, "b": "x"}\n{"a": 2}\n', query=f"INSERT INTO {table} FORMAT JSONEachRow")
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert summary["written_rows"] == "2"


@pytest.mark.parametrize(
    ("format_name", "expected"),
    [
        ("TabSeparated", "0\n1\n"),
        ("CSVWithNames", '"number"\n0\n1\n'),
        ("JSONEachRow", '{"number":0}\n{"number":1}\n'),
        ("JSONCompactColumns", "[\n\t[0, 1]\n]\n"),
        ("Values", "(0),(1)"),
    ],
)
def test_formats_by_clause_by_default_and_by_header(http: httpx.Client, format_name: str, expected: str) -> None:
    sql = "SELECT number FROM numbers(2)"
    assert ask(http, f"{sql} FORMAT {format_name}").text == expected
    assert ask(http, sql, default_format=format_name).text == expected
    assert http.post("/", content=sql, headers={"X-ClickHouse-Format": format_name}).text == expected


def test_totals_and_extremes_are_not_lost(http: httpx.Client) -> None:
    sql = "SELECT number % 2 AS k, count() FROM numbers(4) GROUP BY k WITH TOTALS ORDER BY k"
    assert ask(http, sql).text == "0\t2\n1\t2\n\n0\t4\n"
    assert ask(http, "SELECT number FROM numbers(3)", extremes=1).text == "0\n1\n2\n\n0\n2\n"


def test_an_empty_result_has_its_head_and_foot(http: httpx.Client) -> None:
    assert ask(http, "SELECT 1 AS a WHERE 0 FORMAT JSON").json()["meta"] == [{"name": "a", "type": "UInt8"}]
    assert ask(http, "SELECT 1 AS a WHERE 0 FORMAT CSVWithNames").text == '"a"\n'
    assert ask(http, "SELECT 1 AS a WHERE 0").text == ""


def test_a_result_of_many_blocks_is_one_document(http: httpx.Client) -> None:
    answer = ask(http, "SELECT number FROM numbers(300000) FORMAT JSONCompact", max_block_size=1000)
    assert [row[0] for row in answer.json()["data"]] == [str(number) for number in range(300_000)] or [
        row[0] for row in answer.json()["data"]
    ] == list(range(300_000))


@pytest.mark.parametrize(
    ("sql", "url", "status", "code", "name"),
    [
        ("SELECT * FROM nowhere", {}, 404, 60, "UNKNOWN_TABLE"),
        ("SELECT nothing", {}, 404, 47, "UNKNOWN_IDENTIFIER"),
        ("SELEC 1", {}, 400, 62, "SYNTAX_ERROR"),
        ("1 + 1", {}, 400, 62, "SYNTAX_ERROR"),
        ("", {"database": "x"}, 400, 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", {}, 400, 62, "SYNTAX_ERROR"),
        ("SELECT 1", {"database": "nowhere"}, 404, 81, "UNKNOWN_DATABASE"),
        ("SELECT 1", {"no_such_setting": "1"}, 404, 115, "UNKNOWN_SETTING"),
        ("SELECT 1", {"user": "somebody"}, 403, 516, "AUTHENTICATION_FAILED"),
        ("SELECT 1", {"password": "wrong"}, 403, 516, "AUTHENTICATION_FAILED"),
        ("SELECT 1 FORMAT Nonsense", {}, 404, 73, "UNKNOWN_FORMAT"),
        ("SELECT throwIf(1)", {}, 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("SELECT sleep(3)", {"max_execution_time": "0.2"}, 408, 159, "TIMEOUT_EXCEEDED"),
        ("SELECT {x:UInt8}", {}, 500, 456, "UNKNOWN_QUERY_PARAMETER"),
        ("SELECT 1 INTO OUTFILE '/tmp/never'", {}, 500, 358, "INTO_OUTFILE_NOT_ALLOWED"),
    ],
)
def test_errors_have_the_servers_codes(
    http: httpx.Client, sql: str, url: dict[str, str], status: int, code: int, name: str
) -> None:
    answer = ask(http, sql, **url)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert f"({name}) (version " in answer.text


def test_get_may_not_write(http: httpx.Client, table: str) -> None:
    answer = ask(http, method="GET", query=f"INSERT INTO {table} VALUES (1, 'x')")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "164")
    assert ask(http, method="GET", query="SELECT 1", max_threads=1).text == "1\n"


def test_a_failing_insert_leaves_nothing(http: httpx.Client, table: str) -> None:
    answer = ask(http, "1,x\nnonsense,y\n", query=f"INSERT INTO {table} FORMAT CSV")
    assert answer.status_code == 400
    assert ask(http, f"SELECT count() FROM {table}").text == "0\n"


def test_an_error_in_the_middle_of_a_stream_is_marked(http: httpx.Client) -> None:
    sql = "SELECT number, throwIf(number = 3000000) FROM numbers(10000000) FORMAT JSONEachRow"
    received = b""
    with http.stream("POST", "/", content=sql) as answer, contextlib.suppress(httpx.RemoteProtocolError):
        assert answer.status_code == 200
        tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
        for chunk in answer.iter_raw():
            received = received[-10_000:] + chunk
        pytest.fail("the broken answer looks complete")
    assert received.endswith(tag + b"\r\n__exception__\r\n")
    assert b"__exception__\r\n" + tag + b"\r\nCode: 395. DB::Exception: " in received


def test_wait_end_of_query_gives_late_errors_their_status(http: httpx.Client) -> None:
    sql = "SELECT number, throwIf(number = 3000000) FROM numbers(10000000) FORMAT JSONEachRow"
    answer = ask(http, sql, wait_end_of_query=1)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "395")
    big = ask(http, "SELECT number FROM numbers(3000000)", wait_end_of_query=1)
    assert big.text.count("\n") == 3_000_000


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("UInt8", "7", "7"),
        ("String", "it's", "it\\'s"),
        ("String", "a\\tb", "a\\tb"),
        ("Array(String)", "['x','y']", "['x','y']"),
        ("Nullable(Int8)", "\\N", "\\N"),
        ("DateTime", "2026-01-02 03:04:05", "2026-01-02 03:04:05"),
        ("Identifier", "number", "0"),
    ],
)
def test_parameters_are_bound_by_the_engine(http: httpx.Client, kind: str, value: str, expected: str) -> None:
    source = "FROM numbers(1)" if kind == "Identifier" else ""
    assert ask(http, f"SELECT {{x:{kind}}} {source}", param_x=value).text == expected + "\n"


def test_parameters_reach_inserts(http: httpx.Client, table: str) -> None:
    ask(http, "5,x\n", query="INSERT INTO {t:Identifier} FORMAT CSV", param_t=table)
    assert ask(http, f"SELECT a FROM {table}").text == "5\n"


def test_settings_are_for_one_query(http: httpx.Client) -> None:
    sql = "SELECT getSetting('max_block_size')"
    before = ask(http, sql).text
    assert ask(http, sql, max_block_size=77).text == "77\n"
    assert ask(http, sql).text == before
    assert ask(http, "SELECT getSetting('log_comment')", log_comment="a & b").text.endswith("a & b\n")


def test_a_query_comes_from_a_form_with_its_parameters(http: httpx.Client) -> None:
    form = {"query": (None, "SELECT {x:Int8} + 1"), "param_x": (None, "4")}
    assert http.post("/", files=form).text == "5\n"


def test_external_data_is_a_table_for_its_query(http: httpx.Client) -> None:
    answer = http.post(
        "/",
        params={
            "query": "SELECT sum(a), max(b) FROM mine",
            "mine_structure": "a Int64, b String",
            "mine_format": "CSV",
        },
        files={"mine": ("rows.csv", b"1,x\n2,y\n")},
    )
    assert answer.text == "3\ty\n"
    answer = http.post(
        "/",
        params={"query": "SELECT _1, _2 FROM m", "m_types": "UInt8, Tuple(a UInt8, b String)"},
        files={"m": b"1\t(2,'x')\n"},
    )
    assert answer.text == "1\t(2,'x')\n"
    assert ask(http, "SELECT * FROM mine").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nSELECT 1",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nSELE\r\n4\r\nCT 1\r\n0\r\n\r\n",
        b"GET /?query=SELECT%201 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_a_bare_socket_can_keep_its_connection(endpoint: Endpoint, body: bytes) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as connection:
        for _ in range(3):
            connection.sendall(body)
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answer.endswith(b"\r\n\r\n1\n")


def test_a_client_may_ask_before_it_sends_its_body(endpoint: Endpoint) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"SELECT 1")
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\n1\n")


def test_nul_bytes_and_broken_utf8_pass(http: httpx.Client, table: str) -> None:
    ask(http, b"1\ta\x00\xffb\n", query=f"INSERT INTO {table} FORMAT TSV")
    assert ask(http, f"SELECT hex(b) FROM {table}").text == "6100FF62\n"
    assert ask(http, b"SELECT hex('\x00\xff')").text == "00FF\n"
    assert ask(http, f"SELECT b FROM {table} FORMAT RawBLOB").content == b"a\x00\xffb"


def test_a_killed_query_says_so(http: httpx.Client) -> None:
    assert ask(http, "KILL QUERY WHERE query_id = 'nobody' SYNC").text == ""


def test_the_query_log_has_the_clients_ids(http: httpx.Client) -> None:
    ask(http, "SELECT 42", query_id="in-the-log", log_comment="why")
    ask(http, "SYSTEM FLUSH LOGS")
    found = ask(http, "SELECT query, log_comment FROM system.query_log WHERE query_id = 'in-the-log' FORMAT CSV")
    assert found.text == '"SELECT 42","why"\n'
