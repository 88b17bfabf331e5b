"""The server that counts: what it logs is what it was asked, whatever happens to the client."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx

from tests.servers.call_log import CallLog, LoggedCall, paid_by_request, read_calls

CLIENT = """
import asyncio, httpx, sys
async def main(url):
    async with httpx.AsyncClient(trust_env=False) as client:
        ask = [client.post(url + "/chat/completions", json={"model": "small"}, headers={"x-request-id": f"r{n}/1"})
               for n in range(10)]
        await asyncio.gather(*ask)
asyncio.run(main(sys.argv[1]))
"""


def start(*options: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "tests.servers.openai_compatible", *options]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, server.stdout.readline().split()[-1]


def stop(server: subprocess.Popen[str]) -> int:
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=10)
    return server.returncode


def test_a_killed_clients_calls_are_counted_as_paid(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    server, url = start("--latency-ms", "5000", "--log", str(log))
    try:
        client = subprocess.Popen([sys.executable, "-c", CLIENT, url])
        while not log.exists() or len(list(read_calls(log))) < 10:
            assert client.poll() is None
            time.sleep(0.02)  # another process's file can only be polled
        client.kill()
        client.wait(10)
    finally:
        code = stop(server)
    assert code == 0
    calls = list(read_calls(log))
    assert paid_by_request(calls) == {f"r{n}": 1 for n in range(10)}
    assert {(call.attempt, call.model, call.status) for call in calls} == {(1, "small", 200)}


def test_failures_are_a_share_that_repeats(tmp_path: Path) -> None:
    statuses = []
    for run in range(2):
        log = tmp_path / f"{run}.jsonl"
        server, url = start("--failure-rate", "0.5", "--log", str(log))
        try:
            with httpx.Client(trust_env=False) as client:
                for number in range(60):
                    headers = {"x-request-id": f"team/r{number}/2"}
                    with suppress(httpx.TransportError):  # the hangups
                        client.post(f"{url}/chat/completions", json={"model": "small"}, headers=headers)
                assert client.get(f"{url}/models").status_code == 404
        finally:
            stop(server)
        statuses.append([(call.request_id, call.attempt, call.status) for call in read_calls(log)])
    assert statuses[0] == statuses[1]
    assert statuses[0][7][:2] == ("team/r7", 2)
    assert {status for _, _, status in statuses[0]} == {0, 200, 429, 500}
    assert 15 <= sum(status == 200 for _, _, status in statuses[0]) <= 45


def test_a_line_still_being_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with CallLog(path) as log:
        log.append(LoggedCall(1.0, "r1", 1, "small", 200))
        log.append(LoggedCall(2.0, "r1", 2, "small", 200))
        log.append(LoggedCall(3.0, "r2", 1, "small", 429))
    with path.open("ab") as file:
        file.write(b'{"at": 4.0, "request_id": "r3"')
    calls = list(read_calls(path))
    assert [call.at for call in calls] == [1.0, 2.0, 3.0]
    assert paid_by_request(calls) == {"r1": 2}
