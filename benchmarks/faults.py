"""Providers in trouble, seen from both ends of the whole pipeline.

    python -m benchmarks.faults [--requests N] [--workers N]

10,000 requests go to `asahi.requests` and through the embedded broker, two workers, sink and ClickHouse. The workers
call two test servers over HTTP, an OpenAI and an Anthropic, each the other's fallback. A fifth of the calls meets one
of fourteen faults, OpenAI's is out for some seconds, and both keep limits per minute, which the workers share. Prints
one JSON object: results by status and code, how many say what their last call met, calls per request, the breakers as
the workers logged them, the most that each server counted in any minute, and what it charged against the usage table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

if not __package__:  # run as a file: its folder is on the path, the checkout is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from benchmarks.fault_books import ANSWERED, Books, Ended, audited, circuits, judged, limits_of, partitions_of
from benchmarks.fault_traffic import FIRST, MODELS, TENANTS, WAIT_SECONDS, Results, documents, models_file, send
from benchmarks.harness import System, system
from benchmarks.providers import KEY_VARIABLE, MOST_ATTEMPTS_PER_REQUEST, Plan, sections
from schemas.settings import Settings
from schemas.tenant import TenantRegistered
from streams.envelope import Publication
from streams.tail import detached_consumer
from streams.warehouse.client import Warehouse
from tests.servers.faults import drawn_faults
from tests.servers.ledger import ProviderLedger
from tests.servers.provider import ProviderServer

SINK_SECONDS = 60.0
LOOK_SECONDS = 0.2
LATE = 5
"""One request in so many is sent after the outage."""
SHOWN = 20
BOOKED_SQL = """
SELECT provider, request_id, sum(cost_usd) AS cost FROM usage FINAL GROUP BY provider, request_id
"""


async def booked(settings: Settings, expected: Decimal) -> dict[tuple[str, str], Decimal]:
    """Return dollars by provider and request from the usage table, once the sink has written what results tell.

    When it does not come to that, what the table has is returned: the figures show the difference.
    """
    deadline = time.monotonic() + SINK_SECONDS
    async with Warehouse(settings.clickhouse) as warehouse:
        while True:
            rows = await warehouse.rows(BOOKED_SQL)
            found = {(row["provider"], row["request_id"]): Decimal(row["cost"]) for row in rows}
            if sum(found.values()) == expected or time.monotonic() > deadline:
                return found
            await asyncio.sleep(LOOK_SECONDS)


async def outage(server: ProviderServer, plan: Plan, begun: asyncio.Event) -> None:
    """Be out for a while, some time after the first result came."""
    if not plan.outage_seconds:
        return
    await begun.wait()
    await asyncio.sleep(plan.outage_after)
    server.outage = True
    await asyncio.sleep(plan.outage_seconds)
    server.outage = False


async def shared(running: System) -> None:
    """Wait until every worker has partitions.

    Raises:
        TimeoutError: One got none.
    """
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if all(partitions_of(running.logs("worker")).values()):
                return
            await asyncio.sleep(LOOK_SECONDS)


async def send_around(
    settings: Settings, requests: Mapping[str, list[Publication]], trouble: asyncio.Task[None]
) -> None:
    """Send most requests at once, and the last of every tenant when the outage is over: they close the breakers."""
    early = {tenant: those[: -(len(those) // LATE)] for tenant, those in requests.items()}
    await send(settings, early)
    await trouble
    await send(settings, {tenant: those[len(early[tenant]) :] for tenant, those in requests.items()})


async def serve(running: System, plan: Plan, workers: int, server: ProviderServer) -> tuple[Results, float]:
    """Send the requests; return their results and the seconds until the last one came."""
    kafka = running.settings.kafka
    requests = documents(plan.requests)
    consumer = detached_consumer(kafka, kafka.fetch_max_wait_ms)
    await consumer.start()
    results = Results(consumer, kafka.partitions)
    trouble = asyncio.create_task(outage(server, plan, results.begun))
    try:
        await results.start()
        running.start(workers)
        await shared(running)
        began = time.perf_counter()
        sending = asyncio.create_task(send_around(running.settings, requests, trouble))
        await results.until(plan.requests)
        seconds = time.perf_counter() - began
        await sending
    finally:
        trouble.cancel()
        await consumer.stop()
    return results, seconds


async def read_again(settings: Settings) -> Results:
    """Return all results that the log holds."""
    consumer = detached_consumer(settings.kafka, settings.kafka.fetch_max_wait_ms)
    await consumer.start()
    try:
        results = Results(consumer, settings.kafka.partitions)
        await results.start()
        await results.to_the_end()
    finally:
        await consumer.stop()
    return results


async def run(plan: Plan, workers: int, folder: Path) -> dict[str, Any]:
    """Start everything, send the requests, and compare what came out with what the servers know."""
    os.environ[KEY_VARIABLE] = "sk-benchmark"
    drawn = drawn_faults(plan.passing, plan.lasting)
    ledgers = {kind: ProviderLedger(plan.requests_per_minute, plan.tokens_per_minute) for kind in MODELS[FIRST]}
    async with (
        ProviderServer(drawn, ledger=ledgers["openai"], latency_seconds=plan.latency_seconds) as first,
        ProviderServer(drawn, ledger=ledgers["anthropic"], latency_seconds=plan.latency_seconds) as second,
    ):
        servers = {"openai": first, "anthropic": second}
        overrides: dict[str, Any] = {
            "models_file": models_file(folder),
            "tenants": tuple(TenantRegistered(tenant=name, reference_model=FIRST) for name in TENANTS),
            "providers": sections(plan, {kind: server.base_url for kind, server in servers.items()}),
        }
        async with system(overrides, None) as running:
            first_seen, seconds = await serve(running, plan, workers, first)
            costs = {result.id: result.cost_usd for result in first_seen.all}
            rows = await booked(running.settings, sum(costs.values(), Decimal(0)))
            running.stop()
            every = (await read_again(running.settings)).all
            logs = running.logs("worker")
    books = {kind: Books(server.ledger, server.calls) for kind, server in servers.items()}
    struck = {fault.name.lower(): first.met.get(fault, 0) + second.met.get(fault, 0) for fault in first.met}
    return {
        **_figures(plan, every, books, rows, circuits(logs)),
        "seconds": round(seconds, 1),
        "partitions": partitions_of(logs),
        "faults_struck": struck,
    }


def _figures(
    plan: Plan,
    every: list[Ended],
    books: Mapping[str, Books],
    rows: Mapping[tuple[str, str], Decimal],
    breakers: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    results = {result.id: result for result in every}
    outcome = judged(results.values(), books.values())
    charges = audited(books, rows)
    received: Counter[str] = Counter()
    for book in books.values():
        received.update(book.ledger.attempts)
    limits = {kind: limits_of(book.ledger) for kind, book in books.items()}
    told = sum(result.attempts for result in results.values())
    by_server = round(received.total() / len(results), 3)
    opened = sum(breaker["opened"] for breaker in breakers.values())
    targets = {
        "one_result_each": len(every) == len(results) == plan.requests,
        "right_codes": not outcome.wrong,
        "breaker_opened": opened > 0 or plan.outage_seconds == 0,
        "breaker_closed": all(breaker["last"] == "closed" for breaker in breakers.values()),
        "limits_held": all(limit["refused_for_a_limit"] == 0 for limit in limits.values())
        and all(limit["most_requests_in_a_minute"] <= plan.requests_per_minute for limit in limits.values())
        and all(limit["most_tokens_in_a_minute"] <= plan.tokens_per_minute for limit in limits.values()),
        "no_retry_storm": by_server <= MOST_ATTEMPTS_PER_REQUEST,
        "charges_equal": not charges.wrong and charges.booked_only == 0,
    }
    return {
        "ok": all(targets.values()),
        "targets": targets,
        "requests": len(results),
        "results": len(every),
        "by_status": dict(Counter(result.status for result in results.values())),
        "by_code": dict(Counter(result.code for result in results.values() if result.code is not None)),
        "answered": sum(result.status in ANSWERED for result in results.values()),
        "agree_with_last_call": dict(outcome.agreeing),
        "last_provider_not_asked": outcome.not_asked,
        "disagree": len(outcome.wrong),
        "some_that_disagree": outcome.wrong[:SHOWN],
        "attempts_per_request": {"by_the_servers": by_server, "by_results": round(told / len(results), 3)},
        "most_calls_for_a_request": max(received.values()),
        "requests_with_equal_counts": sum(received[name] == result.attempts for name, result in results.items()),
        "breakers": {name: dict(breaker) for name, breaker in breakers.items()},
        "limits": limits,
        "charges": {
            "by_the_servers_usd": str(charges.charged_usd),
            "booked_usd": str(charges.booked_usd.normalize()),
            "equal": charges.equal,
            "equal_usd": str(charges.equal_usd),
            "answer_told_a_wrong_usage": charges.nonsense,
            "answer_never_came_whole": charges.unknowable,
            "booked_and_never_charged": charges.booked_only,
            "wrong": len(charges.wrong),
            "some_wrong": charges.wrong[:SHOWN],
        },
    }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    plan = Plan()
    parser.add_argument("--requests", type=int, default=plan.requests)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--faults", type=float, default=plan.faults, help="share of faults of every kind")
    options = parser.parse_args()
    plan = replace(plan, requests=options.requests, faults=options.faults)
    with tempfile.TemporaryDirectory(prefix="asahi-faults-") as folder:
        found = asyncio.run(run(plan, options.workers, Path(folder)))
    print(json.dumps(found))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
