"""Providers in trouble: thousands of calls against servers that fail every fifth, and one that is out for a while.

`python -m benchmarks.providers` makes 10,000 calls through the real runner and the real providers, half of them to an
OpenAI with an Anthropic as fallback and half the other way round, over HTTP on loopback. Both servers keep limits per
minute and books; OpenAI's answers 503 to everybody for some seconds in the middle. It prints one JSON object: whether
every call was answered or failed with the code of what was wrong with it, what the circuit breakers did, the most
that each server counted in any minute beside its limit, and the calls made per request.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from agents.providers.protocol import Prompt
from agents.providers.registry import KINDS
from agents.providers.runner import CallRunner
from schemas.batch import Call, Completion, Passenger, Target
from schemas.provider_health import Circuit
from schemas.result import Lane
from schemas.settings import ProviderSettings
from schemas.wire import Choice
from tests.servers.faults import Fault, drawn_faults, lasting_fault
from tests.servers.ledger import ProviderLedger
from tests.servers.provider import ProviderServer

MODEL = "some-model"
LASTING_SHARE_OF_FAULTS = 0.1
"""One fault in ten is the request's own: it meets it at every attempt."""
MOST_ATTEMPTS_PER_REQUEST = 1.5
MS_PER_SECOND = 1000.0
KEY_VARIABLE = "BENCH_PROVIDER_KEY"

CODES = {
    Fault.CONTENT_FILTER: "provider_content_filter",
    Fault.CONTEXT_LENGTH: "provider_context_length",
    Fault.BAD_REQUEST: "provider_bad_request",
}
PASSING_CODES = frozenset(
    {
        "provider_rate_limited",
        "provider_overloaded",
        "provider_timeout",
        "provider_unreachable",
        "provider_unreadable",
        "provider_circuit_open",
    }
)
"""Right for a call that met nothing but bad luck at every target."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run does.

    Attributes:
        faults: Share of faults of every kind.
        requests_per_minute: Of each server.
        tokens_per_minute: Of each server.
        outage_after: Seconds after which OpenAI's server is out.
        outage_seconds: How long it is.
    """

    requests: int = 10_000
    faults: float = 0.2
    latency_seconds: float = 0.05
    timeout_seconds: float = 2.0
    max_in_flight: int = 64
    requests_per_minute: int = 4_500
    tokens_per_minute: int = 150_000
    outage_after: float = 10.0
    outage_seconds: float = 6.0

    @property
    def lasting(self) -> float:
        """Share of requests that are at fault themselves."""
        return self.faults * LASTING_SHARE_OF_FAULTS

    @property
    def passing(self) -> float:
        """Share of attempts that meet something that passes."""
        return self.faults * (1 - LASTING_SHARE_OF_FAULTS)


def call(number: int, targets: tuple[Target, ...]) -> Call:
    """Return one call with a prompt of its own."""
    name = f"r{number:05d}"
    prompt = Prompt(
        name, prompt=f"Question {number}: how many sides has a polygon of {number} corners?", tenant="demo"
    )
    choice = Choice("cheapest", "benchmark").encoded()
    passenger = Passenger(name, "demo", 0, "d", Lane.BULK, choice, MODEL, time.time())
    return Call(passenger, msgspec.json.encode(prompt), targets, time.time())


def sections(plan: Plan, urls: Mapping[str, str]) -> dict[str, ProviderSettings]:
    """Return the providers' settings."""
    return {
        kind: ProviderSettings(
            kind=kind,
            base_url=url,
            api_key_env=KEY_VARIABLE,
            timeout_seconds=plan.timeout_seconds,
            max_in_flight=plan.max_in_flight,
            requests_per_minute=plan.requests_per_minute,
            tokens_per_minute=plan.tokens_per_minute,
            breaker_open_seconds=1.0,
            backoff_seconds=0.1,
            backoff_max_seconds=2.0,
        )
        for kind, url in urls.items()
    }


async def run(plan: Plan) -> dict[str, Any]:
    """Make the calls and return what came of them."""
    os.environ[KEY_VARIABLE] = "sk-benchmark"
    drawn = drawn_faults(plan.passing, plan.lasting)
    books = {
        kind: ProviderLedger(plan.requests_per_minute, plan.tokens_per_minute) for kind in ("openai", "anthropic")
    }
    done: dict[str, Completion] = {}
    ids = itertools.count()
    async with (
        ProviderServer(drawn, ledger=books["openai"], latency_seconds=plan.latency_seconds) as first,
        ProviderServer(drawn, ledger=books["anthropic"], latency_seconds=plan.latency_seconds) as second,
    ):
        servers = {"openai": first, "anthropic": second}
        settings = sections(plan, {kind: server.base_url for kind, server in servers.items()})
        runner: CallRunner[str] = CallRunner(
            {name: KINDS[section.kind](name, section) for name, section in settings.items()},
            settings,
            clock=time.time,
            call_id=lambda: str(next(ids)),
            on_completion=done.__setitem__,
        )
        outage = asyncio.create_task(_outage(first, plan))
        began = time.perf_counter()
        targets = tuple(Target(MODEL, kind) for kind in servers)
        for number in range(plan.requests):
            one = call(number, targets if number % 2 else targets[::-1])
            runner.submit(one, one.passenger.id)
        await runner.idle()
        seconds = time.perf_counter() - began
        await outage
        health = list(runner.health())
        await runner.close()
    struck = sum(sum(server.met.values()) for server in servers.values())
    outcome = _outcome(plan, done)
    lanes: dict[str, dict[str, Any]] = {
        lane.provider: {"openings": lane.openings, "circuit": lane.circuit, "limit": lane.limit} for lane in health
    }
    attempts = sum(completion.attempts for completion in done.values())
    received = sum(sum(book.attempts.values()) for book in books.values())
    limits = {kind: _limits(book) for kind, book in books.items()}
    held = all(book["over_limit"] == 0 for book in limits.values())
    opened = plan.outage_seconds == 0 or lanes["openai"]["openings"] > 0
    closed = all(lane.circuit is Circuit.CLOSED for lane in health)
    return {
        "ok": outcome["wrong"] == []
        and held
        and opened
        and closed
        and attempts <= MOST_ATTEMPTS_PER_REQUEST * len(done),
        "requests": len(done),
        "seconds": round(seconds, 1),
        **outcome,
        "faults_struck": struck,
        "faults_share_of_calls": round(struck / received, 3),
        "faults_by_kind": _by_kind(servers.values()),
        "attempts_per_request": round(attempts / len(done), 3),
        "most_attempts_of_a_request": max(completion.attempts for completion in done.values()),
        "lanes": lanes,
        "limits": limits,
        "charges": {
            "by_the_servers": sum(sum(book.charges.values()) for book in books.values()),
            "booked": sum(len(completion.paid) for completion in done.values()),
            "twice_at_one_server": sum(count > 1 for book in books.values() for count in book.charges.values()),
        },
    }


async def _outage(server: ProviderServer, plan: Plan) -> None:
    if plan.outage_seconds:
        await asyncio.sleep(plan.outage_after)
        server.outage = True
        await asyncio.sleep(plan.outage_seconds)
        server.outage = False


def _outcome(plan: Plan, done: Mapping[str, Completion]) -> dict[str, Any]:
    """Return how the calls ended, and the ids of those that ended as they should not have."""
    codes = {name: completion.failure.code for name, completion in done.items() if completion.failure is not None}
    wrong = []
    for name in done:
        fault = lasting_fault(name, plan.lasting)
        right = {CODES[fault]} if fault is not None else PASSING_CODES | {None}
        if codes.get(name) not in right:
            wrong.append(name)
    times = [completion.stages_ms["provider"] for completion in done.values()]
    return {
        "answered": len(done) - len(codes),
        "failed": dict(Counter(codes.values())),
        "wrong": wrong,
        "provider_ms": {"median": round(statistics.median(times), 1), "max": round(max(times), 1)},
    }


def _limits(book: ProviderLedger) -> dict[str, Any]:
    return {
        "requests_per_minute": book.requests_per_minute,
        "most_requests_in_a_minute": book.requests.most,
        "tokens_per_minute": book.tokens_per_minute,
        "most_tokens_in_a_minute": book.tokens.most,
        "over_limit": book.over_limit,
    }


def _by_kind(servers: Any) -> dict[str, int]:
    met: Counter[str] = Counter()
    for server in servers:
        met.update({fault.name.lower(): count for fault, count in server.met.items()})
    return dict(met)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    plan = Plan()
    parser.add_argument("--requests", type=int, default=plan.requests)
    parser.add_argument("--faults", type=float, default=plan.faults, help="share of faults of every kind")
    parser.add_argument("--requests-per-minute", type=int, default=plan.requests_per_minute, help="of each server")
    parser.add_argument("--tokens-per-minute", type=int, default=plan.tokens_per_minute, help="of each server")
    options = parser.parse_args()
    result = asyncio.run(run(Plan(**vars(options))))
    print(json.dumps(result, indent=2))
    sys.exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
