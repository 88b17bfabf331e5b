"""What marking shared beginnings saves in providers' prompt caches: `python -m benchmarks.prefixes`; one JSON object.

Requests go through the real windows, routing, runner and provider classes, over HTTP on loopback, to a server that
plays Anthropic's and OpenAI's prompt caches: it charges reads and writes by the marks it is sent. Every workload is
sent with and without marking. The prices are those of `config/models.yaml`; all runs are within the
lifetime of a cached beginning.

- `documents`: questions in mixed order, each behind one of a few documents, all behind the same instructions
- `texts`: the same as one plain prompt without instructions
- `conversations`: each turn sends all that was said before
- `pairs`: every document is asked about just twice
- `unique`: nothing comes again
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from secrets import token_bytes
from typing import Any

from agents.accounting.settlement import settle
from agents.providers.registry import KINDS
from agents.providers.runner import CallRunner
from agents.routing.dispatch import to_call
from agents.routing.stage import RoutingStep
from agents.windows.prefixes import KEY_BYTES, PrefixRecogniser
from agents.windows.stage import WindowStep
from schemas.batch import Completion
from schemas.prefix_settings import PrefixSettings
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.settings import BatchSettings, ProviderSettings, RoutingSettings, WindowSettings
from schemas.tenant import TenantRegistered
from schemas.tokens import estimate_tokens
from streams.stage import Journey
from tests.servers.prompt_cache import PromptCache
from tests.servers.provider import ProviderServer

MODELS = Path(__file__).parents[1] / "config" / "models.yaml"
MODEL_OF = {"anthropic": "claude-3-5-sonnet", "openai": "gpt-4o"}
KEY_VARIABLE = "BENCH_PROVIDER_KEY"
WORDS = ("window", "lane", "price", "cache", "token", "model", "answer", "question", "tenant", "budget", "ledger")
DOCUMENT_CHARS, INSTRUCTION_CHARS, TURN_CHARS = 16_000, 6_000, 1_600
LATENCY_SECONDS, SETTLE_SECONDS = 0.02, 0.1
IN_FLIGHT = 32
ARRIVING = 16

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each workload is sent."""

    documents: int = 20
    questions: int = 200
    conversations: int = 60
    turns: int = 6
    pairs: int = 300
    unique: int = 600


@dataclass(slots=True)
class Outcome:
    """What a run came to; tokens as the provider billed them."""

    requests: int = 0
    input_tokens: int = 0
    read_tokens: int = 0
    written_tokens: int = 0
    cost: Decimal = Decimal(0)
    uncached: Decimal = Decimal(0)
    unexplained: Decimal = Decimal(0)
    failed: int = 0
    recognise_us: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the figures to print."""
        return {
            "requests": self.requests,
            "failed": self.failed,
            "input_tokens": self.input_tokens,
            "share_read": round(self.read_tokens / self.input_tokens, 4),
            "share_written": round(self.written_tokens / self.input_tokens, 4),
            "cost_usd": str(self.cost),
            "windows_us_per_request": round(1e6 * sum(self.recognise_us) / max(1, self.requests), 1),
        }


def text(chars: int, chance: random.Random) -> str:
    """Return made-up prose in lines, with a blank line after every few."""
    lines: list[str] = []
    while chars > 0:
        lines.append(
            " ".join(chance.choices(WORDS, k=12)) + f" {chance.randrange(10**6)}." + "\n" * (len(lines) % 6 == 5)
        )
        chars -= len(lines[-1]) + 1
    return "\n".join(lines)


def workloads(sizes: Sizes, seed: int) -> dict[str, list[list[Any]]]:
    """Return of each workload the inputs in waves; a wave is sent when the one before is answered."""
    chance = random.Random(seed)
    instructions = text(INSTRUCTION_CHARS, chance)
    documents = [text(DOCUMENT_CHARS, chance) for _ in range(sizes.documents)]

    def question(number: int) -> str:
        return f"Question {number}: what does it say about {chance.choice(WORDS)} and {chance.choice(WORDS)}?"

    asked = [(document, number) for document in documents for number in range(sizes.questions)]
    chance.shuffle(asked)
    behind: list[Any] = [
        [
            {"role": "system", "content": instructions},
            {"role": "user", "content": f"{document}\n\n{question(number)}"},
        ]
        for document, number in asked
    ]
    plain = [f"{document}\n\n{question(number)}" for document, number in asked]
    twice = [document for document in (text(DOCUMENT_CHARS, chance) for _ in range(sizes.pairs)) for _ in range(2)]
    chance.shuffle(twice)
    talks: list[Messages] = [[] for _ in range(sizes.conversations)]
    waves: list[list[Any]] = []
    for turn in range(sizes.turns):
        for talk in talks:
            if turn:
                talk.append({"role": "assistant", "content": text(TURN_CHARS, chance)})
            opening = instructions if not turn else ""
            talk.append({"role": "user", "content": opening + text(TURN_CHARS, chance)})
        waves.append([list(talk) for talk in talks])
    return {
        "documents": [behind],
        "texts": [list(plain)],
        "conversations": waves,
        "pairs": [[f"{document}\n\n{question(number)}" for number, document in enumerate(twice)]],
        "unique": [[f"{text(DOCUMENT_CHARS, chance)}\n\n{question(number)}" for number in range(sizes.unique)]],
    }


class Unsettled:
    """A receipt that nobody waits for."""

    def settle(self) -> None:
        """Do nothing."""


class Run:
    """One workload through windows, routing and a provider."""

    def __init__(self, kind: str, url: str, marking: bool, bulk: bool) -> None:
        whole = ModelRegistry.load(MODELS)
        spec = whole.get(MODEL_OF[kind])
        assert spec is not None, "the models file has it"
        self.registry = ModelRegistry((spec.model_copy(update={"providers": (kind,)}),), whole.price_list)
        self.tenant = TenantRegistered(tenant="bench", reference_model=spec.name)
        self.bulk = bulk
        prefixes = PrefixSettings(mark=marking, settle_seconds=SETTLE_SECONDS)
        self.windows = WindowStep(
            WindowSettings(), BatchSettings(), PrefixRecogniser(prefixes, token_bytes(KEY_BYTES))
        )
        self.routing = RoutingStep(self.registry, RoutingSettings())
        section = ProviderSettings(kind=kind, base_url=url, api_key_env=KEY_VARIABLE, max_in_flight=IN_FLIGHT)
        ids = itertools.count()
        self.runner: CallRunner[str] = CallRunner(
            {kind: KINDS[kind](kind, section)},
            {kind: section},
            clock=time.time,
            call_id=lambda: str(next(ids)),
            on_completion=self.completed,
        )
        self.outcome = Outcome()

    async def send(self, waves: Sequence[Sequence[Any]]) -> Outcome:
        """Send it all, and return what it came to."""
        numbers = itertools.count()
        for wave in waves:
            for first in range(0, len(wave), ARRIVING):
                journeys = [self.journey(next(numbers), content) for content in wave[first : first + ARRIVING]]
                began = time.perf_counter()
                flow = self.windows.process(journeys, time.time())
                self.outcome.recognise_us.append(time.perf_counter() - began)
                self.dispatch(flow.onward)
                while self.runner.outstanding > IN_FLIGHT:  # noqa: ASYNC110 - as a load comes in: by the clock
                    await asyncio.sleep(0.001)
                self.dispatch(self.windows.due(time.time()).onward)
            while self.windows.waiting or self.runner.outstanding:
                self.dispatch(self.windows.due(time.time()).onward)
                await asyncio.sleep(0.002)
        await self.runner.close()
        return self.outcome

    def journey(self, number: int, content: Any) -> Journey:
        """Return an admitted request."""
        given = {"prompt": content} if isinstance(content, str) else {"messages": content}
        deadline = {"deadline": datetime.now(UTC) + timedelta(days=1)} if self.bulk else {}
        request = Request.model_validate(
            {
                "id": f"r{number}",
                "tenant": "bench",
                "mode": "explicit",
                "model": self.tenant.reference_model,
                "constraints": deadline,
                **given,
            }
        )
        body = request.model_dump_json(exclude_defaults=True).encode()
        journey = Journey(request, body, "d", 0, time.time(), Unsettled(), tenant=self.tenant)
        journey.input_tokens = estimate_tokens(request)
        return journey

    def dispatch(self, journeys: Sequence[Journey]) -> None:
        """Route and call."""
        for journey in self.routing.process(journeys, time.time()).onward:
            self.runner.submit(to_call(journey, time.time()), journey.request.id)

    def completed(self, _: str, completion: Completion) -> None:
        """Settle, as accounting does."""
        outcome = self.outcome
        outcome.requests += 1
        result = settle(completion, self.registry, time.time()).result
        assert result is not None, "no request has its result before"
        if result.status != "completed" or result.baseline is None or result.savings is None:
            outcome.failed += 1
            return
        for call in completion.paid:
            outcome.input_tokens += call.tokens.input_tokens
            outcome.read_tokens += call.tokens.cached_input_tokens
            outcome.written_tokens += call.tokens.cache_write_tokens
        outcome.cost += Decimal(result.cost_usd)
        baseline = Decimal(result.baseline.cost_usd)
        outcome.uncached += baseline
        outcome.unexplained += baseline - Decimal(result.cost_usd) - Decimal(result.savings.provider_cache or 0)


async def measured(kind: str, waves: Sequence[Sequence[Any]], bulk: bool) -> dict[str, Any]:
    """Return what a workload comes to with and without marking."""
    found: dict[str, Outcome] = {}
    for marking in (False, True):
        cache = PromptCache(ready_seconds=LATENCY_SECONDS)
        async with ProviderServer(latency_seconds=LATENCY_SECONDS, prompt_cache=cache) as server:
            found["with" if marking else "without"] = await Run(kind, server.base_url, marking, bulk).send(waves)
    less = 1 - found["with"].cost / found["without"].cost
    return {
        "cost_less": round(float(less), 4),
        "savings_explain_all": not any(outcome.unexplained for outcome in found.values()),
        **{name: outcome.as_json() for name, outcome in found.items()},
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of requests")
    parser.add_argument("--only", nargs="*", help="workloads")
    options = parser.parse_args()
    os.environ[KEY_VARIABLE] = "sk-benchmark"
    usual, scale = Sizes(), options.scale
    scaled: Callable[[int], int] = lambda count: max(2, round(count * scale))  # noqa: E731 - one line, used below
    sizes = replace(
        usual,
        questions=scaled(usual.questions),
        conversations=scaled(usual.conversations),
        pairs=scaled(usual.pairs),
        unique=scaled(usual.unique),
    )
    found: dict[str, Any] = {}
    for name, waves in workloads(sizes, options.seed).items():
        if options.only and name not in options.only:
            continue
        for kind in MODEL_OF:
            for bulk in (False, True):
                lane = "bulk" if bulk else "interactive"
                print(f"{name} {kind} {lane}", file=sys.stderr)
                found.setdefault(name, {})[f"{kind} {lane}"] = asyncio.run(measured(kind, waves, bulk))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
