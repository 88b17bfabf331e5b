"""What figures and traces cost: counting per event, a scrape while requests are counted, spans per request.

    python -m benchmarks.metrics

Prints one JSON object as its last line. `longest_hold_ms` is how long a scrape keeps the event loop from others in
one go: a task beside it asks for its turn as often as it can. All times are of CPU: others use this machine too.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

if not __package__:  # run as a file: its folder is on the path, the checkout is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec

from schemas.provider_health import Circuit, LaneHealth
from schemas.result import Lane, Status
from schemas.wire import Answer, ResultRecord, SavingsRecord, Tokens, TraceRecord, UsageRecord
from streams.metrics.catalogue import CALL_SECONDS
from streams.metrics.exposition import exposition, of_this_process
from streams.metrics.tally import Tally
from streams.metrics.worker import asked, held, written
from streams.tracing.spans import Spans
from streams.tracing.traced import read

BATCH = 200
ROUNDS = 50
REPEATS = 7
MODELS = tuple(f"model-{number}" for number in range(10))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRACE = TraceRecord("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
STAGES = ("governance", "cache", "windows", "routing", "dispatch", "queue", "provider", "accounting")


def results() -> list[ResultRecord]:
    """Return a batch of results as they usually are."""
    return [
        ResultRecord(
            id=f"request-{number}",
            status=Status.COMPLETED,
            cost_usd="0.000123",
            received_at=NOW,
            completed_at=NOW,
            tenant="tenant",
            output=Answer("x" * 300, None, "stop"),
            model=MODELS[number % len(MODELS)],
            provider="simulated",
            lane=Lane.INTERACTIVE,
            usage=Tokens(100 + number, 0, 50),
            savings=SavingsRecord(routing="0.00345"),
            stages_ms=dict.fromkeys(STAGES, 0.5),
            latency_ms=12.5 + number,
            attempts=1,
            trace=TRACE,
        )
        for number in range(BATCH)
    ]


def usages() -> list[UsageRecord]:
    """Return the paid calls of such a batch."""
    return [
        UsageRecord(
            id=f"call-{number}",
            request_id=f"request-{number}",
            tenant="tenant",
            model=MODELS[number % len(MODELS)],
            provider="simulated",
            lane=Lane.INTERACTIVE,
            usage=Tokens(100 + number, 0, 50),
            cost_usd="0.000123",
            price_list="2026-01-01",
            latency_ms=10.0,
            occurred_at=NOW,
        )
        for number in range(BATCH)
    ]


def microseconds(work: Callable[[], object], events: int) -> float:
    """Return the least CPU time per event of several runs."""
    spent = []
    for _ in range(REPEATS):
        began = time.process_time()
        for _ in range(ROUNDS):
            work()
        spent.append((time.process_time() - began) / ROUNDS / events * 1e6)
    return round(min(spent), 3)


def lanes() -> list[LaneHealth]:
    """Return what a runner says of as many models as there are."""
    durations = tuple(range(len(CALL_SECONDS) + 1))
    outcomes = {"answered": 1_000, "provider_rate_limited": 5}
    return [
        LaneHealth("simulated", name, Circuit.CLOSED, 0, 0.0, 3, 1_000, 0, 0, 1_005, 5, outcomes, durations, 100.0)
        for name in MODELS
    ]


async def scrape(tally: Tally) -> dict[str, Any]:
    """Return how long a scrape takes, and how long it keeps the event loop at most."""
    held_ms: list[float] = []
    scraping = True

    async def beside() -> None:
        while scraping:
            before = time.process_time()
            await asyncio.sleep(0)
            held_ms.append((time.process_time() - before) * 1e3)

    task = asyncio.create_task(beside())
    whole_ms, text = [], b""
    longest = []
    for _ in range(20):
        held_ms.clear()
        before = time.process_time()
        text = await exposition(
            chain(written(tally), asked(lanes()), held({"intake": 1, "providers": 2}), of_this_process())
        )
        whole_ms.append((time.process_time() - before) * 1e3)
        longest.append(max(held_ms))
    scraping = False
    await task
    lines = text.decode().splitlines()
    return {
        "samples": sum(not line.startswith("#") for line in lines),
        "bytes": len(text),
        "cpu_ms": round(sorted(whole_ms)[len(whole_ms) // 2], 2),
        "longest_hold_ms": round(sorted(longest)[len(longest) // 2], 2),
    }


def main() -> None:
    """Measure and print."""
    tally, batch, calls = Tally(), results(), usages()
    traced = [msgspec.json.encode(result) for result in batch]
    spans = Spans()
    figures = {
        "count_result_us": microseconds(lambda: tally.results(batch), BATCH),
        "count_usage_us": microseconds(lambda: tally.usages(calls), BATCH),
        "spans_of_result_us": microseconds(lambda: [spans.of(read(value)) for value in traced], BATCH),
        "spans_per_result": len(spans.of(read(traced[0]))),
        "look_for_trace_us": microseconds(lambda: [b'"traceparent":"' in value for value in traced], BATCH),
        "scrape": asyncio.run(scrape(tally)),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
