"""Many, big and rude clients."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from tests.integration.clickhouse_server.endpoint import Endpoint, wait_until

MIB = 1024 * 1024
RUNNING = "SELECT count() FROM system.processes WHERE query NOT LIKE '%system.processes%'"


def test_fifty_megabytes_in_one_insert(http: httpx.Client, endpoint: Endpoint, table: str) -> None:
    row = b'{"a": %d, "b": "' + b"x" * 120 + b'"}\n'
    body = b"".join(row % number for number in range(400_000))
    assert len(body) > 50 * MIB
    before = resident(endpoint)
    answer = http.post("/", params={"query": f"INSERT INTO {table} FORMAT JSONEachRow"}, content=body)
    assert answer.status_code == 200, answer.text
    assert http.post("/", content=f"SELECT count(), sum(a) FROM {table}").text == "400000\t79999800000\n"
    assert resident(endpoint) - before < 600 * MIB
    inline = http.post("/", content=b"INSERT INTO %s FORMAT JSONEachRow\n" % table.encode() + body)
    assert inline.status_code == 200, inline.text
    assert http.post("/", content=f"SELECT count() FROM {table}").text == "800000\n"


def test_a_body_may_come_in_pieces(http: httpx.Client, table: str) -> None:
    pieces = (b"%d\tx\n" % number for number in range(20_000))
    assert http.post("/", params={"query": f"INSERT INTO {table} FORMAT TSV"}, content=pieces).status_code == 200
    assert http.post("/", content=f"SELECT count() FROM {table}").text == "20000\n"


def resident(endpoint: Endpoint) -> int:
    assert endpoint.process is not None
    return int(psutil.Process(endpoint.process.pid).memory_info().rss)


def test_a_result_bigger_than_memory_streams(http: httpx.Client, endpoint: Endpoint) -> None:
    before = resident(endpoint)
    received = 0
    with http.stream(
        "POST", "/", content="SELECT randomPrintableASCII(1000) FROM numbers(1000000) FORMAT JSON"
    ) as answer:
        for chunk in answer.iter_raw():
            received += len(chunk)
    assert received > 1000 * MIB
    assert resident(endpoint) - before < 400 * MIB


def test_memory_has_a_limit(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT length(groupArray(toString(number))) FROM numbers(100000000)")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "241"
    assert http.post("/", content="SELECT 1").text == "1\n"


def test_a_hundred_connections_at_once(endpoint: Endpoint) -> None:
    together = threading.Barrier(100)

    def client(number: int) -> list[str]:
        with httpx.Client(base_url=endpoint.url, timeout=60) as http:
            together.wait()
            return [http.post("/", content=f"SELECT {number} + {i}").text for i in range(5)]

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(client, range(100)))
    assert answers == [[f"{number + i}\n" for i in range(5)] for number in range(100)]


def test_slow_queries_do_not_hold_up_fast_ones(endpoint: Endpoint, http: httpx.Client) -> None:
    with ThreadPoolExecutor(20) as pool:
        slow = [pool.submit(endpoint.query, "SELECT sleep(3)") for _ in range(20)]
        wait_until(lambda: http.post("/", content=RUNNING).text == "20\n")
        assert http.post("/", content="SELECT 1").text == "1\n"
        assert not any(answer.done() for answer in slow)
        assert [answer.result() for answer in slow] == ["0"] * 20


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT number FROM numbers(1000000000) FORMAT JSON",
        "SELECT number FROM numbers(1000000000) FORMAT Native",
        "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1",
        "SELECT number FROM numbers(1000000000) FORMAT Parquet",
    ],
)
def test_a_client_that_leaves_takes_its_query_along(endpoint: Endpoint, http: httpx.Client, sql: str) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=20) as connection:
        body = sql.encode()
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        wait_until(lambda: http.post("/", content=RUNNING).text == "1\n")
    wait_until(lambda: http.post("/", content=RUNNING).text == "0\n")


def test_leaving_at_once_and_often_does_no_harm(endpoint: Endpoint, http: httpx.Client) -> None:
    sql = b"SELECT number, toString(number) FROM numbers(1000000000)"
    for number in range(40):
        with socket.create_connection(("127.0.0.1", endpoint.port), timeout=20) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(sql) + sql)
            if number % 2:
                connection.recv(100)
    wait_until(lambda: http.post("/", content=RUNNING).text == "0\n")


def test_an_insert_broken_off_inserts_nothing(endpoint: Endpoint, http: httpx.Client, table: str) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=20) as connection:
        url = f"/?query=INSERT%20INTO%20{table}%20FORMAT%20TSV".encode()
        connection.sendall(
            b"POST " + url + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" + b"1\tx\n" * 100
        )
        wait_until(lambda: http.post("/", content=RUNNING).text == "0\n")
    wait_until(lambda: http.post("/", content=RUNNING).text == "0\n")
    assert http.post("/", content=f"SELECT count() FROM {table}").text == "0\n"


def test_killing_a_query_by_the_clients_id(endpoint: Endpoint, http: httpx.Client) -> None:
    sql = "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1"
    answers: list[httpx.Response] = []
    url = {"query_id": "to-be-killed"}
    running = threading.Thread(
        target=lambda: answers.append(httpx.post(endpoint.url, params=url, content=sql, timeout=60))
    )
    running.start()
    wait_until(lambda: http.post("/", content=RUNNING).text == "1\n")
    assert http.post("/", content="KILL QUERY WHERE query_id = 'to-be-killed' SYNC").status_code == 200
    running.join()
    assert answers[0].headers["X-ClickHouse-Exception-Code"] == "394"
