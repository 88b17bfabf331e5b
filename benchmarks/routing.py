"""What routing costs per request: batches of requests that differ, and of requests that are alike.

    python -m benchmarks.routing [--batch N] [--rounds N] [--models FILE] [--model-dir DIR]

Prints one JSON object: microseconds of CPU time per request, the median and the best of the rounds. Every scenario
routes the whole batch through the step as the pipeline does, the decision's JSON included. A core that is shared runs
slower in CPU time too, so the time of a plain loop stands beside them. `..._detected` detects task types from words.
`predicted` takes predictions that are there already, so it shows what routing makes of them; `learned` asks the
predictor in `--model-dir`, which `asahi router fit` made. Decisions with predictions are never remembered.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

if not __package__:  # run as a file: its folder is on the path, the checkout is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.routing.configured import configured_predictor, configured_tasks
from agents.routing.predictions import QualityPredictor
from agents.routing.stage import RoutingStep
from agents.routing.tasks.requests import DetectedTasks
from agents.worker import settle_in
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.settings import RoutingSettings, TaskDetection
from schemas.tenant import TenantRegistered
from schemas.tokens import estimate_tokens
from streams.stage import Journey

SHIPPED = Path(__file__).resolve().parents[1] / "config" / "models.yaml"
TENANT = TenantRegistered(tenant="demo", reference_model="gpt-4-turbo")
PROMPT = (
    "A train leaves at {m} and travels {k} hours at {n} km/h, stopping twice for a quarter of an hour. "
    "How far does it get, when does it arrive, and what changes if it leaves an hour later and stops only once? "
)


class Unsettled:
    """A receipt: routing never settles one."""

    def settle(self) -> None:
        """Do nothing."""


class Foreseen:
    """Predictions for one batch, drawn at random beforehand."""

    def __init__(self, models: tuple[str, ...], batch: int) -> None:
        self.models = models
        self._qualities = np.random.default_rng(0).uniform(0.8, 1.0, (batch, len(models)))

    def predict(self, prompts: Sequence[str], task_types: Sequence[str | None]) -> NDArray[np.float64]:
        """Return them, whatever is asked."""
        del prompts, task_types
        return self._qualities


def journeys(batch: int, *, alike: bool, **fields: Any) -> list[Journey]:
    """Return admitted requests; unless alike, each has a length and a minimum quality of its own."""
    made = []
    for number in range(batch):
        n = 0 if alike else number
        text = PROMPT.format(m=n % 24, k=n % 7, n=n) + "Why? " * (n % 20)
        constraints = {"min_quality": 0.8 + n / 20_000}
        given = {"id": f"r{number}", "tenant": "demo", "prompt": text, "constraints": constraints, **fields}
        request = Request.model_validate(given)
        made.append(Journey(request, b"", "", 0, 0.0, Unsettled(), tenant=TENANT))
        made[-1].input_tokens = estimate_tokens(request)
    return made


def measured(
    registry: ModelRegistry,
    predictor: QualityPredictor | None,
    requests: list[Journey],
    rounds: int,
    *,
    cold: bool,
    tasks: DetectedTasks | None = None,
) -> dict[str, float]:
    """Return microseconds per request; cold means that no decision is remembered from an earlier round."""
    step = RoutingStep(registry, RoutingSettings(), predictor, tasks=tasks)
    spent = []
    for round_ in range(rounds + 1):
        if cold:
            step.renew()
        started = time.process_time()
        flow = step.process(requests, 0.0)
        seconds = time.process_time() - started
        assert len(flow.onward) == len(requests), "every request finds a model"
        if round_:  # the first warms up
            spent.append(seconds / len(requests) * 1e6)
    return {"median_us": round(statistics.median(spent), 2), "best_us": round(min(spent), 2)}


def counting_ms() -> float:
    """Return what a loop of plain Python costs here and now."""
    spent = []
    for _ in range(20):
        started = time.process_time()
        sum(range(100_000))
        spent.append(time.process_time() - started)
    return statistics.median(spent) * 1e3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--models", type=Path, default=SHIPPED)
    parser.add_argument("--model-dir", type=Path)
    options = parser.parse_args()
    settle_in()
    registry = ModelRegistry.load(options.models)
    foreseen = Foreseen(tuple(spec.name for spec in registry), options.batch)
    learned = configured_predictor(RoutingSettings(model_dir=options.model_dir))
    words = configured_tasks(RoutingSettings(detect_tasks=TaskDetection.WORDS))
    alike = journeys(options.batch, alike=True)
    different = journeys(options.batch, alike=False)
    useful = journeys(options.batch, alike=False, strategy="utility")
    chats = [{"role": "user", "content": "Tell me more. " * 400}, {"role": "user", "content": "And then?"}]
    long_chats = journeys(options.batch, alike=True, prompt=None, messages=chats)
    rounds = options.rounds
    scenarios = {
        "alike": measured(registry, None, alike, rounds, cold=False),
        "different_remembered": measured(registry, None, different, rounds, cold=False),
        "different": measured(registry, None, different, rounds, cold=True),
        "different_utility": measured(registry, None, useful, rounds, cold=True),
        "conversations": measured(registry, None, long_chats, rounds, cold=False),
        "alike_detected": measured(registry, None, alike, rounds, cold=False, tasks=words),
        "different_remembered_detected": measured(registry, None, different, rounds, cold=False, tasks=words),
        "different_detected": measured(registry, None, different, rounds, cold=True, tasks=words),
        "predicted": measured(registry, foreseen, different, rounds, cold=False),
        "predicted_utility": measured(registry, foreseen, useful, rounds, cold=False),
    }
    if learned is not None:
        scenarios["learned"] = measured(registry, learned, different, rounds, cold=False)
    document = {
        "models": len(registry),
        "batch": options.batch,
        "counting_to_100000_ms": round(counting_ms(), 2),
        "scenarios": scenarios,
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
