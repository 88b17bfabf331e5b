"""How fast the whole pipeline is, against a bare Faust agent on the same broker in the same run.

    python -m benchmarks.pipeline [--quick] [--workers N] [--kafka | --broker HOST:PORT] [--scale N] [--latency-ms N]
        [--semantic]

Prints one JSON object as its last line. Scenarios: (a) bare Faust hop, (b) raw aiokafka hop, (c) single-request
messages with unique prompts, (d) bulk messages, (e) bulk with half the prompts repeated, (f) lone requests at 20 a
second. The simulated provider has zero latency unless told otherwise, ClickHouse is written and results are produced
in all of them. With `--latency-ms 200` a provider that allows 1,000 calls at once can give 5,000 answers a second.
With `--semantic` all questions are compared as well; but for their numbers all prompts are near each other.

The machine's own speed changes within seconds, by two where others use it too. So the bare hop is measured before and
after (c) and (d), with workers and sink held meanwhile, and a ratio is that to the mean of both. Hops are timed while
they run: Faust's first fetch of an idle topic alone waits for three quarters of a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

if not __package__:  # run as a file: its folder is on the path, the checkout is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from statistics import fmean
from typing import Any

import uvloop
from aiokafka.admin import NewTopic

from benchmarks.harness import Counter, System, Watched, child, percentile, spent, system
from schemas.policy import Policy
from schemas.settings import ProviderSettings, SemanticSettings, Settings
from schemas.tenant import TenantRegistered
from streams.admin import admin
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import REQUESTS, RESULTS
from tests.kafka.apache import ApacheKafka

TENANTS = tuple(f"tenant-{number}" for number in range(16))
BULK = 200
SINGLE_BATCH = 250
LONE_PER_SECOND = 20
WAIT_SECONDS = 300.0
SEMANTIC_DELTA = 0.02
WARM_UP, BUFFERED = 2_000, 4_096
"""Messages through a hop before it is timed, and those it has consumed ahead, which it sends faster in the end."""
HOP, RAW = "benchmarks.faust_hop", "benchmarks.raw_hop"
PROMPT = "Question {n}: a train leaves at {m} and travels for {k} hours; where is it, and why does that matter to us?"


def body(run: str, number: int, prompt_number: int, tenant: str) -> bytes:
    """Return one request as JSON."""
    prompt = PROMPT.format(n=f"{run}-{prompt_number}", m=prompt_number % 24, k=prompt_number % 7)
    return json.dumps(
        {
            "id": f"{run}-{number}",
            "tenant": tenant,
            "prompt": prompt,
            "constraints": {"min_quality": 0.8},
            "sampling": {"max_output_tokens": 200},
        }
    ).encode()


def tenant_of(number: int) -> str:
    """Return the tenant of a request; bulk messages hold one tenant each."""
    return TENANTS[(number // BULK) % len(TENANTS)]


async def hop_rate(module: str, name: str, count: int, running: System) -> float:
    """Return messages per second through a hop process with topics of its own."""
    settings = running.settings
    source, target = f"bench.{name}.source", f"bench.{name}.target"
    async with admin(settings) as client:
        await client.create_topics([NewTopic(topic, 1, 1) for topic in (source, target)])
    process = child(module, settings.kafka.bootstrap, source, target)
    try:
        async with Outbox(settings.kafka) as outbox, Counter(settings.kafka, target, 1) as counter:
            value = body("hop", 0, 0, TENANTS[0])
            await outbox.publish(source, 0, [Publication(value)])
            await counter.until(1, WAIT_SECONDS)  # the hop is up
            for _ in range(-(-(WARM_UP + count + BUFFERED) // SINGLE_BATCH)):
                await outbox.publish(source, 0, [Publication(value)] * SINGLE_BATCH)
            await counter.until(WARM_UP, WAIT_SECONDS)
            before, started = counter.count, counter.last
            with running.paused():
                await counter.until(WARM_UP + count, WAIT_SECONDS)
            return (counter.count - before) / (counter.last - started)
    finally:
        process.kill()
        process.wait()


async def throughput(
    settings: Settings,
    watched: Watched,
    counter: Counter,
    messages: Sequence[tuple[str, list[Publication]]],
    requests: int,
) -> dict[str, Any]:
    """Send prepared messages as fast as the broker takes them; return rate and cost until the last result came."""
    before_count, before_cpu = counter.count, watched.cpu()
    async with Outbox(settings.kafka) as outbox:

        async def send() -> None:
            for tenant, publications in messages:
                home = home_partition(tenant, settings.kafka.partitions)
                await outbox.publish(REQUESTS.name, home, publications)

        started = time.perf_counter()
        sending = asyncio.ensure_future(send())
        await counter.until(before_count + requests, WAIT_SECONDS)
        await sending
    seconds = counter.last - started
    return {
        "requests": requests,
        "requests_per_second": round(requests / seconds, 1),
        "cpu_seconds_per_1000": spent(before_cpu, watched.cpu(), requests),
        "rss_mb": watched.rss_mb(),
    }


def singles(run: str, count: int) -> list[tuple[str, list[Publication]]]:
    """Return one message per request, unique prompts, grouped only for the wire."""
    groups = []
    for start in range(0, count, BULK):
        tenant = tenant_of(start)
        numbers = range(start, min(start + BULK, count))
        groups.append((tenant, [Publication(body(run, n, n, tenant), tenant.encode()) for n in numbers]))
    return groups


def bulks(run: str, count: int, prompt_of: Callable[[int], int]) -> list[tuple[str, list[Publication]]]:
    """Return one message per 200 requests."""
    groups = []
    for start in range(0, count, BULK):
        tenant = tenant_of(start)
        bodies = [body(run, n, prompt_of(n), tenant) for n in range(start, min(start + BULK, count))]
        groups.append((tenant, [Publication(b"[" + b",".join(bodies) + b"]", tenant.encode())]))
    return groups


def half_repeated(number: int) -> int:
    """Return a prompt number such that every prompt occurs twice for one tenant."""
    cycle = BULK * len(TENANTS)
    return number % cycle + number // (2 * cycle) * cycle


async def lone(settings: Settings, seconds: float, earlier: int) -> dict[str, float]:
    """Send single requests at a steady pace; return milliseconds from sending to the result in hand.

    Args:
        settings: Of the system under measurement.
        seconds: How long to send.
        earlier: Results that stand in the log already.
    """
    count = int(seconds * LONE_PER_SECOND)
    sent: dict[str, float] = {}
    results = Counter(settings.kafka, RESULTS.name, settings.kafka.partitions, settings.kafka.fetch_max_wait_ms)
    async with Outbox(settings.kafka) as outbox, results as counter:
        await counter.until(earlier, WAIT_SECONDS)

        async def send() -> None:
            for number in range(count):
                tenant = TENANTS[number % len(TENANTS)]
                value = body("lone", number, number, tenant)
                home = home_partition(tenant, settings.kafka.partitions)
                sent[f"lone-{number}"] = time.perf_counter()
                await outbox.publish(REQUESTS.name, home, [Publication(value, tenant.encode())])
                await asyncio.sleep(1 / LONE_PER_SECOND)

        sending = asyncio.ensure_future(send())
        await counter.until(earlier + count, WAIT_SECONDS, ids=True)
        await sending
    latencies = [(counter.arrived[request_id] - at) * 1000 for request_id, at in sent.items()]
    return {
        "requests": count,
        "p50": round(percentile(latencies, 0.50), 2),
        "p99": round(percentile(latencies, 0.99), 2),
        "max": round(max(latencies), 2),
    }


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run every scenario and return the figures."""
    counts = {"hop": 4_000, "raw": 20_000, "single": 6_000, "bulk": 20_000, "lone_seconds": 3.0}
    if not options.quick:
        counts = {"hop": 8_000, "raw": 100_000, "single": 40_000, "bulk": 100_000, "lone_seconds": 15.0}
    policy = Policy(semantic_error_bound=SEMANTIC_DELTA) if options.semantic else Policy()
    tenants = tuple(TenantRegistered(tenant=name, reference_model="gpt-4-turbo", policy=policy) for name in TENANTS)
    provider = ProviderSettings(kind="simulated", latency_ms=options.latency_ms)
    overrides: dict[str, Any] = {
        "tenants": tenants,
        "providers": {"simulated": provider},
        "semantic": SemanticSettings(enabled=options.semantic),
    }
    figures: dict[str, Any] = {
        "workers": options.workers,
        "broker": "apache" if options.kafka else options.broker or "embedded",
        "provider_latency_ms": options.latency_ms,
        "semantic": options.semantic,
    }
    async with kafka(options) as broker, system(overrides, broker) as running:
        settings, watched = running.settings, running.watched
        raw = await hop_rate(RAW, "raw", int(counts["raw"]), running)
        figures["raw_hop"] = {"messages_per_second": round(raw, 1)}
        running.start(options.workers)
        async with Counter(settings.kafka, RESULTS.name, settings.kafka.partitions) as counter:
            figures["warm_up"] = await throughput(settings, watched, counter, bulks("warm", 2_000, int), 2_000)
            figures["lone_ms"] = await lone(settings, counts["lone_seconds"], counter.count)
            few, many = int(counts["single"]), int(counts["bulk"])
            loads = {
                "single": (few, singles("single", few)),
                "bulk": (many, bulks("bulk", many, int)),
                "repeated": (many, bulks("repeated", many, half_repeated)),
            }
            hops: list[float] = []
            for name, (n, load) in loads.items():
                hops.append(await hop_rate(HOP, f"hop-{len(hops)}", int(counts["hop"]), running))
                figures[name] = await throughput(settings, watched, counter, load, n)
            if options.scale:
                figures["scale"] = await scale(settings, watched, counter, options.scale)
    figures["faust_hop"] = {"messages_per_second": [round(hop, 1) for hop in hops]}
    figures["ratios"] = {
        f"{name}_vs_faust_hop": round(figures[name]["requests_per_second"] / fmean(around), 2)
        for name, around in zip(loads, pairwise([*hops, hops[-1]]), strict=True)
    }
    return figures


@asynccontextmanager
async def kafka(options: argparse.Namespace) -> AsyncIterator[str | None]:
    """Run Apache Kafka if it is asked for; yield the bootstrap to use, or None for the embedded broker."""
    if not options.kafka:
        yield options.broker
        return
    with tempfile.TemporaryDirectory(prefix="asahi-bench-kafka-") as folder:
        broker = ApacheKafka(Path(folder))
        await broker.start()
        try:
            yield broker.bootstrap
        finally:
            await broker.stop()


async def scale(settings: Settings, watched: Watched, counter: Counter, total: int) -> list[dict[str, Any]]:
    """Send many requests in ten stretches; growth of the cost per request shows as a trend."""
    stretch = total // 10
    return [
        await throughput(settings, watched, counter, bulks(f"scale{part}", stretch, int), stretch)
        for part in range(10)
    ]


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a run under 45 s")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--broker", help="bootstrap of a running Apache Kafka instead of the embedded broker")
    parser.add_argument("--kafka", action="store_true", help="start an Apache Kafka for this run, as the tests do")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="of the simulated provider")
    parser.add_argument("--semantic", action="store_true", help="compare questions, for every tenant")
    parser.add_argument("--scale", type=int, default=0, help="also send this many requests in ten stretches")
    figures = uvloop.run(measure(parser.parse_args()))
    print(json.dumps(figures))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
