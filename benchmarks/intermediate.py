"""What steps save: `python -m benchmarks.intermediate`; prints one JSON object.

Two hundred questions about twenty documents, all sent at once to the real pipeline (embedded broker and engine, two
workers, the simulated provider). Every question declares the step that summarizes its document. They are asked with
the intermediate cache, and by another tenant without (`cache.directive: bypass`), which pays for every step; a third
puts the whole document into every question and declares nothing. Answers are compared word by word, tokens are the
provider's, money is what the pipeline booked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from decimal import Decimal
from typing import Any

import msgspec

from benchmarks.harness import System, system
from schemas.tenant import TenantRegistered
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import REQUESTS, RESULTS, USAGE

WAYS = ("with", "without", "inline")
FIRST = "first"
"""Sends one request, by which workers are known to be there."""
REFERENCE = "gpt-4-turbo"
WORDS = ("ship", "harbour", "ledger", "winter", "engine", "contract", "river", "signal", "orchard", "archive")
WORDS_PER_DOCUMENT = 1_200
SUMMARY_TOKENS, ANSWER_TOKENS = 96, 64
SEED = 7
LIMIT_SECONDS = 120.0
PAUSE_SECONDS = 0.1
DIGITS = 4
OPERATION = "Summarize the document in five sentences, with every name, number and date that matters."


def document(number: int) -> str:
    """Return a document of made-up prose; the same number gives the same one."""
    draw = random.Random(SEED * 1_000 + number)
    words = [
        draw.choice(WORDS) if draw.random() < 0.9 else str(draw.randrange(10_000)) for _ in range(WORDS_PER_DOCUMENT)
    ]
    return f"Document {number}. " + " ".join(words) + "."


def question(way: str, number: int, documents: int) -> dict[str, Any]:
    """Return a question about one of the documents."""
    text = document(number % documents)
    asked = f"Question {number}: what follows from this for the year {1900 + number}?"
    request: dict[str, Any] = {
        "id": f"{way}-{number}",
        "tenant": way,
        "prompt": f"{asked}\n\n{text if way == 'inline' else '{{steps.summary}}'}",
        "sampling": {"max_output_tokens": ANSWER_TOKENS},
    }
    if way != "inline":
        sampling = {"max_output_tokens": SUMMARY_TOKENS}
        request["steps"] = [{"name": "summary", "operation": OPERATION, "input": text, "sampling": sampling}]
    if way == "without":
        request["cache"] = {"directive": "bypass"}
    return request


async def read(outbox: Outbox, topic: str, partitions: int) -> list[dict[str, Any]]:
    """Return all events of a topic."""
    found = []
    async for records in outbox.read({(topic, partition): 0 for partition in range(partitions)}):
        found += [msgspec.json.decode(record.value or b"null") for record in records]
    return found


async def asked(running: System, outbox: Outbox, requests: list[dict[str, Any]], known: int) -> float:
    """Send requests; return the seconds until all of them have results."""
    kafka = running.settings.kafka
    began = time.perf_counter()
    for request in requests:
        home = home_partition(request["tenant"], kafka.partitions)
        await outbox.publish(
            REQUESTS.name, home, [Publication(msgspec.json.encode(request), request["tenant"].encode())]
        )
    while len(await read(outbox, RESULTS.name, RESULTS.partitions(kafka))) < known + len(requests):
        if time.perf_counter() - began > LIMIT_SECONDS:
            raise TimeoutError(f"not all results came within {LIMIT_SECONDS:g} s")
        await asyncio.sleep(PAUSE_SECONDS)
    return time.perf_counter() - began


def figures(way: str, results: list[dict[str, Any]], usages: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Return what one way of asking came to."""
    those = [result for result in results if result["tenant"] == way]
    calls = [usage for usage in usages if usage["tenant"] == way]
    cost = sum((Decimal(result["cost_usd"]) for result in those), Decimal(0))
    booked = sum((Decimal(usage["cost_usd"]) for usage in calls), Decimal(0))
    assert cost == booked, f"results say {cost}, usage says {booked}"
    saved: dict[str, Decimal] = {}
    for result in those:
        for cause, amount in result["savings"].items():
            saved[cause] = saved.get(cause, Decimal(0)) + Decimal(amount)
    baseline = sum((Decimal(result["baseline"]["cost_usd"]) for result in those), Decimal(0))
    assert baseline - cost == sum(saved.values()), "the causes do not add up"
    return {
        "completed": sum(result["status"] == "completed" for result in those),
        "step_calls": sum("step" in usage for usage in calls),
        "other_calls": sum("step" not in usage for usage in calls),
        "cost_usd": str(cost),
        "saved_usd": {cause: str(amount) for cause, amount in sorted(saved.items())},
        "seconds": round(seconds, 2),
    }


async def measure(questions: int, documents: int, latency_ms: float) -> dict[str, Any]:
    """Ask in every way."""
    overrides: dict[str, Any] = {
        "tenants": tuple(TenantRegistered(tenant=way, reference_model=REFERENCE) for way in (*WAYS, FIRST)),
        "providers": {"simulated": {"kind": "simulated", "latency_ms": latency_ms}},
    }
    async with system(overrides, None) as running, Outbox(running.settings.kafka) as outbox:
        running.start(2)
        await asked(running, outbox, [{"id": FIRST, "tenant": FIRST, "prompt": "Are you there?"}], 0)
        seconds: dict[str, float] = {}
        for place, way in enumerate(WAYS):
            requests = [question(way, number, documents) for number in range(questions)]
            seconds[way] = await asked(running, outbox, requests, 1 + place * questions)
        kafka = running.settings.kafka
        results = await read(outbox, RESULTS.name, RESULTS.partitions(kafka))
        usages = await read(outbox, USAGE.name, USAGE.partitions(kafka))
    told = {way: figures(way, results, usages, seconds[way]) for way in WAYS}
    outputs = {result["id"]: result.get("output") for result in results}
    equal = sum(outputs[f"with-{number}"] == outputs[f"without-{number}"] for number in range(questions))
    costs = {way: Decimal(figure["cost_usd"]) for way, figure in told.items()}
    return {
        "questions": questions,
        "documents": documents,
        **told,
        "equal_answers": equal,
        "saved_share": round(float(1 - costs["with"] / costs["without"]), DIGITS),
        "saved_share_of_inline": round(float(1 - costs["with"] / costs["inline"]), DIGITS),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--latency-ms", type=float, default=50.0, help="of every simulated call")
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.questions, options.documents, options.latency_ms))))


if __name__ == "__main__":
    main()
