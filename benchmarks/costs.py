"""What pricing costs: microseconds per bill read, per cost, and per completion settled.

`python -m benchmarks.costs` prints one JSON object. Each figure is the best of several rounds in one process.
"""

from __future__ import annotations

import json
import timeit
from collections.abc import Callable
from pathlib import Path

from agents.accounting.settlement import settle
from agents.providers.usage import Flavor, extract
from schemas.batch import Completion, PaidCall, Passenger, Target
from schemas.prices import cost_of, list_cost_of
from schemas.rates import Price
from schemas.registry import ModelRegistry
from schemas.result import Lane
from schemas.wire import Answer, Choice, Tokens

ROUNDS = 7
TIMES = 20_000
NOW = 1_790_000_000.0
MODELS = Path(__file__).parents[1] / "config" / "models.yaml"
BILL = (
    b'{"prompt_tokens":1000,"completion_tokens":200,"total_tokens":1200,"prompt_tokens_details":{"cached_tokens":300,'
    b'"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":64,"audio_tokens":0}}'
)
PLAIN, CACHED = Tokens(1000, 0, 200), Tokens(1000, 300, 200)


def microseconds(work: Callable[[], object]) -> float:
    """Return what one call of `work` takes at best."""
    return round(min(timeit.repeat(work, number=TIMES, repeat=ROUNDS)) / TIMES * 1e6, 2)


def a_completion(tokens: Tokens, *, batch: bool = False) -> Completion:
    """Return an answered request of one paid call."""
    passenger = Passenger(
        "r", "demo", 0, "d" * 32, Lane.BULK, Choice("cheapest", "cheapest").encoded(), "gpt-4-turbo", NOW
    )
    call = PaidCall("c", "gpt-4o", "simulated", 1, tokens, 40.0, NOW, batch)
    return Completion(passenger, NOW + 1, Answer("4"), None, Target("gpt-4o", "simulated"), (call,), 1)


def main() -> None:
    """Measure and print."""
    registry = ModelRegistry.load(MODELS)
    simple = Price.model_validate({"input": 2.5, "cached_input": 1.25, "output": 10})
    full = Price.model_validate({"published": "anthropic/claude-sonnet-4-5"}, context={"date": "2026-11-23"})
    plain, cached, batch = a_completion(PLAIN), a_completion(CACHED), a_completion(CACHED, batch=True)
    figures = {
        "read a bill": microseconds(lambda: extract(Flavor.COMPATIBLE, BILL)),
        "cost, two rates": microseconds(lambda: cost_of(PLAIN, simple)),
        "cost, cached tokens": microseconds(lambda: cost_of(CACHED, simple)),
        "cost, every rate and tiers": microseconds(lambda: cost_of(CACHED, full)),
        "cost, batch lane": microseconds(lambda: cost_of(CACHED, full, batch=True)),
        "cost at list price": microseconds(lambda: list_cost_of(CACHED, full)),
        "settle": microseconds(lambda: settle(plain, registry, NOW + 2)),
        "settle, cached tokens": microseconds(lambda: settle(cached, registry, NOW + 2)),
        "settle, batch lane": microseconds(lambda: settle(batch, registry, NOW + 2)),
    }
    print(json.dumps({"microseconds": figures}))


if __name__ == "__main__":
    main()
