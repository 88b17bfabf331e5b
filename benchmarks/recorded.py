"""What routing saves on recorded outcomes of GSM8K and MMLU, through the whole pipeline.

    python -m benchmarks.recorded [--data FOLDER] [--target 0.95] [--standard-errors 1] [--workers N]

The predictor is fitted on the half of the prompts whose hash is even. On the same half, with predictions of each
prompt from a fit without it, lambda is chosen for each set: the greatest that reaches the target share of GPT-4's
quality, by one standard error more so that other prompts reach it too. The other half is then sent in `autopilot`
through the embedded broker, workers, sink and ClickHouse. Prints one JSON object; quality is graded from the files.
Costs are sums of exact amounts, from the results, from the files' answers, and by SQL from the usage table.
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

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

import msgspec
from aiokafka import TopicPartition

from agents.routing.learning.fitting import fit_router
from agents.routing.learning.outcomes import joined
from agents.routing.learning.store import save
from benchmarks.graded_set import COLUMNS, GSM8K, MMLU, NAMES, STRONG, GradedSet, halves
from benchmarks.harness import POLL_MS, System, system
from benchmarks.lambda_choice import Chosen, choose_lambda, foreseen
from schemas.errors import AsahiError
from schemas.registry import ModelRegistry
from schemas.settings import KafkaSettings, Settings, load_settings
from streams.embedding import EmbeddingEngine
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.tail import detached_consumer
from streams.topics import REQUESTS, RESULTS
from streams.warehouse.client import Warehouse

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "config" / "recorded.yaml"
DATA = ROOT.parent / "shared" / "data"
FILES = {GSM8K: "gsm8k_outcomes.csv.gz", MMLU: "mmlu_outcomes.csv.gz"}
TENANT = "demo"
SEED = 3
WAIT_SECONDS = 300.0
LOOK_SECONDS = 0.5
MOST = "always_gpt4_cost_usd"
USAGE_SQL = """
SELECT splitByChar('-', request_id)[1] AS name, count() AS calls, sum(cost_usd) AS cost,
    countIf(model = {strong:String}) / count() AS strong_calls
FROM usage GROUP BY name
"""


class Ended(msgspec.Struct):
    """What is read of a result."""

    id: str
    status: str
    cost_usd: Decimal
    model: str | None = None


def read_results(values: Sequence[bytes]) -> dict[str, Ended]:
    """Return results by request id."""
    decode = msgspec.json.Decoder(Ended).decode
    return {result.id: result for result in map(decode, values)}


async def serve(running: System, documents: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Ended], float]:
    """Send the requests; return their results and the seconds until the last one came."""
    kafka = running.settings.kafka
    home = home_partition(TENANT, kafka.partitions)
    messages = [Publication(json.dumps(document).encode(), TENANT.encode()) for document in documents]
    started = time.perf_counter()
    async with Outbox(kafka) as outbox:
        sending = asyncio.ensure_future(outbox.publish(REQUESTS.name, home, messages))
        values = await collect(kafka, len(messages))
        await sending
    return read_results(values), time.perf_counter() - started


async def collect(kafka: KafkaSettings, count: int) -> list[bytes]:
    """Return so many results from the beginning of their topic.

    Raises:
        TimeoutError: They did not come in time.
    """
    consumer = detached_consumer(kafka, kafka.fetch_max_wait_ms)
    await consumer.start()
    values: list[bytes] = []
    try:
        places = [TopicPartition(RESULTS.name, number) for number in range(kafka.partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        async with asyncio.timeout(WAIT_SECONDS):
            while len(values) < count:
                fetched = await consumer.getmany(timeout_ms=POLL_MS)
                values += [record.value or b"" for records in fetched.values() for record in records]
    finally:
        await consumer.stop()
    return values


async def usage(settings: Settings, calls: int) -> dict[str, dict[str, Any]]:
    """Return calls and cost of each set from the usage table, once the sink has them all.

    Raises:
        TimeoutError: They did not come in time.
    """
    async with Warehouse(settings.clickhouse) as warehouse, asyncio.timeout(WAIT_SECONDS):
        while True:
            rows = await warehouse.rows(USAGE_SQL, {"strong": STRONG})
            if sum(row["calls"] for row in rows) >= calls:
                return {row["name"]: row for row in rows}
            await asyncio.sleep(LOOK_SECONDS)


def figures(
    graded: GradedSet, results: Mapping[str, Ended], sql: Mapping[str, Any], chosen: Chosen, registry: ModelRegistry
) -> dict[str, Any]:
    """Return what came out for one set."""
    ended = [results[name] for name in graded.ids()]
    models = [result.model or result.status for result in ended]
    assert all(model in COLUMNS for model in models), "every request is answered by one of the models"
    always = [STRONG] * len(models)
    cost, most = sum((result.cost_usd for result in ended), Decimal(0)), graded.cost(always, registry)
    quality, best = graded.quality(models), graded.quality(always)
    return {
        "requests": len(ended),
        "chosen_on_the_fit_half": asdict(chosen),
        "strong_calls": round(models.count(STRONG) / len(models), 4),
        "quality": round(quality, 4),
        "always_gpt4_quality": round(best, 4),
        "relative_quality": round(quality / best, 4),
        MOST: str(most),
        "cost_usd": str(cost),
        "relative_cost": round(float(cost / most), 4),
        "cost_from_the_file_usd": str(graded.cost(models, registry)),
        "cost_by_sql_usd": str(sql["cost"].normalize()),
        "strong_calls_by_sql": round(sql["strong_calls"], 4),
        "costs_are_equal": cost == sql["cost"] == graded.cost(models, registry),
    }


def together(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of all sets as one."""
    requests = sum(part["requests"] for part in parts)

    def mean(key: str) -> float:
        return float(sum(part[key] * part["requests"] for part in parts) / requests)

    cost, most = (sum((Decimal(part[key]) for part in parts), Decimal(0)) for key in ("cost_usd", MOST))
    return {
        "requests": requests,
        "strong_calls": round(mean("strong_calls"), 4),
        "quality": round(mean("quality"), 4),
        "relative_quality": round(mean("quality") / mean("always_gpt4_quality"), 4),
        MOST: str(most),
        "cost_usd": str(cost),
        "relative_cost": round(float(cost / most), 4),
        "costs_are_equal": all(part["costs_are_equal"] for part in parts),
    }


async def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Fit, choose, send and grade."""
    sets = [halves(kind, options.data / file) for kind, file in FILES.items()]
    engine = EmbeddingEngine()
    fitted_on = joined([fit.outcomes for fit, _ in sets])
    save(replace(fit_router(fitted_on, engine, SEED), names=NAMES), folder)
    answers = sets[0][0].answer_tokens()  # of GSM8K; requests of MMLU say how long their answers are
    overrides: dict[str, Any] = {
        "routing": {"model_dir": folder, "expected_output_tokens": answers},
        "providers": {"recorded": {"recording": [options.data / file for file in FILES.values()]}},
    }
    settings = load_settings(**overrides)
    registry = ModelRegistry.load(settings.models_file)
    predicted = foreseen(fitted_on, engine, SEED)
    chosen = [
        choose_lambda(fit, predicted, registry, settings.routing, options.target, options.standard_errors, SEED)
        for fit, _ in sets
    ]
    tests = [test for _, test in sets]
    documents = [
        document
        for test, choice in zip(tests, chosen, strict=True)
        for document in test.requests(TENANT, choice.lambda_)
    ]
    async with system(overrides, None) as running:
        running.start(options.workers)
        results, seconds = await serve(running, documents)
        by_sql = await usage(running.settings, len(documents))
    parts = {
        test.kind.name: figures(test, results, by_sql[test.kind.name], choice, registry)
        for test, choice in zip(tests, chosen, strict=True)
    }
    return {
        "target": options.target,
        "standard_errors_above": options.standard_errors,
        "fitted_on": len(fitted_on.prompts),
        "seconds": round(seconds, 2),
        **parts,
        "together": together(list(parts.values())),
    }


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the recordings (default: %(default)s)")
    parser.add_argument("--target", type=float, default=0.95, help="share of GPT-4's quality")
    parser.add_argument("--standard-errors", type=float, default=1.0, help="how far above it to aim")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    absent = [str(options.data / file) for file in FILES.values() if not (options.data / file).exists()]
    if absent:
        print(f"{absent[0]} is missing: the data lies beside the project; name it with --data", file=sys.stderr)
        return 2
    os.environ.setdefault("ASAHI_CONFIG", str(CONFIG))
    with tempfile.TemporaryDirectory(prefix="asahi-router-") as folder:
        try:
            print(json.dumps(asyncio.run(measure(options, Path(folder))), indent=2))
        except AsahiError as wrong:
            print(f"benchmarks.recorded: {wrong}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
