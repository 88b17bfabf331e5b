"""What is left after a process ended, orderly or not."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.integration.clickhouse_server.endpoint import Endpoint, wait_until

CREATE = "CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a"
BATCH_ROWS = 500


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Endpoint]:
    endpoint = Endpoint(tmp_path / "clickhouse")
    endpoint.start()
    yield endpoint
    if not endpoint.ended:
        endpoint.kill()


def insert(url: str, first: int, stop: threading.Event) -> int:
    """Insert batch after batch; return how many rows were acknowledged."""
    number = first
    with httpx.Client(base_url=url) as client:
        while not stop.is_set():
            rows = "".join(f"{number + i}\tx\n" for i in range(BATCH_ROWS))
            try:
                answer = client.post("/", params={"query": "INSERT INTO t FORMAT TSV"}, content=rows)
            except httpx.TransportError:
                break
            if answer.status_code == 200:
                number += BATCH_ROWS
    return number


def has_rows(endpoint: Endpoint, at_least: int) -> bool:
    return int(endpoint.query("SELECT count() FROM t")) >= at_least


def test_acknowledged_inserts_survive_kill_9(own: Endpoint) -> None:
    own.query(CREATE)
    own.query("CREATE DATABASE other")
    own.query("CREATE VIEW other.v AS SELECT count() AS n FROM default.t")
    acknowledged = 0
    for _ in range(3):
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            inserting = pool.submit(insert, own.url, acknowledged, stop)
            enough = acknowledged + 5 * BATCH_ROWS
            wait_until(partial(has_rows, own, enough))
            own.kill()
            stop.set()
        acknowledged = inserting.result()
        own.start()
        found, distinct = own.query("SELECT count(), uniqExact(a) FROM t").split("\t")
        assert int(found) in (acknowledged, acknowledged + BATCH_ROWS)  # the last one may not have been answered
        assert int(distinct) == int(found)
        acknowledged = int(found)
    assert own.query("SELECT n FROM other.v") == str(acknowledged)
    assert own.query("CHECK TABLE t SETTINGS check_query_single_value_result = 1") == "1"


def test_sigterm_ends_orderly_and_running_queries_with_it(own: Endpoint) -> None:
    own.query(CREATE)
    own.query("INSERT INTO t VALUES (1, 'x')")
    answers: list[int] = []

    def slow() -> None:
        sql = "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1"
        try:
            answers.append(httpx.post(own.url, content=sql, timeout=60).status_code)
        except httpx.TransportError:
            answers.append(0)

    running = threading.Thread(target=slow)
    running.start()
    processes = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 1%'"
    wait_until(lambda: own.query(processes) == "2")  # itself and the slow one
    assert own.stop() == 0
    running.join()
    assert answers != [200]
    # behind it there may be word of the query that was cancelled, when nobody waits for its answer any more
    assert "stopped" in [record["event"] for record in own.log][-2:]
    own.start()
    assert own.query("SELECT count() FROM t") == "1"
    assert own.stop() == 0


def test_a_second_process_is_refused(own: Endpoint) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "streams.embedded.clickhouse", "--path", str(own.path), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert "name another directory" in second.stderr
    assert own.query("SELECT 1") == "1"


def test_credentials_can_be_asked_for(tmp_path: Path) -> None:
    guarded = Endpoint(tmp_path / "clickhouse", ("--user", "asahi", "--password", "s3cret"))
    guarded.start()
    try:
        assert httpx.post(guarded.url, content="SELECT 1").status_code == 403
        assert httpx.post(guarded.url, content="SELECT 1", auth=("asahi", "s3cret")).text == "1\n"
        assert httpx.get(f"{guarded.url}/ping").text == "Ok.\n"
    finally:
        guarded.stop()
    assert "s3cret" not in str(guarded.log)
