"""What HTTP/2 costs and saves with many calls in flight, beside a stack of HTTP/1.1 connections.

`python -m benchmarks.multiplexing` keeps 1,000 calls in flight against a loopback server in a process of its own,
over either in turn, and prints one JSON object: calls per second and the client's CPU per call, run by run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import httpx

from agents.providers.connections import ConnectionStack
from agents.providers.multiplexing import StreamStack

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}'
MICROSECONDS = 1e6


async def measure(transport: httpx.AsyncBaseTransport, url: str, calls: int, in_flight: int) -> dict[str, Any]:
    """Make the calls over this transport."""
    left = iter(range(calls))
    failed = 0

    async def ask() -> None:
        nonlocal failed
        for _ in left:
            request = httpx.Request("POST", url, content=BODY, headers={"content-type": "application/json"})
            try:
                response = await transport.handle_async_request(request)
                failed += response.status_code != httpx.codes.OK
            except httpx.TransportError:
                failed += 1

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(ask() for _ in range(in_flight)))
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    await transport.aclose()
    return {
        "calls_per_second": round(calls / seconds),
        "client_cpu_us_per_call": round(used / calls * MICROSECONDS),
        "failed": failed,
    }


def run(*, http1: bool, options: argparse.Namespace) -> dict[str, Any]:
    """Start a server, measure, and end it."""
    command = [sys.executable, "-m", "tests.servers.http2", "--latency-ms", str(options.latency_ms)]
    server = subprocess.Popen([*command, *(["--http1"] if http1 else [])], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1] + "/chat/completions"
        transport = ConnectionStack() if http1 else StreamStack()
        return asyncio.run(measure(transport, url, options.calls, options.in_flight))
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=1_000)
    parser.add_argument("--latency-ms", type=float, default=200.0)
    options = parser.parse_args()
    rows: dict[str, list[dict[str, Any]]] = {"http1": [], "http2": []}
    for _ in range(options.runs):
        rows["http1"].append(run(http1=True, options=options))
        rows["http2"].append(run(http1=False, options=options))
    print(json.dumps({**vars(options), **rows}))


if __name__ == "__main__":
    main()
