"""What a cascade saves on recorded answers: `python -m benchmarks.cascade`; prints one JSON object.

The outcomes of GSM8K are split by the hash of the prompt. Predictor and scorer are fitted on one half, as
`asahi router fit` does; the prompts of the other half go through the whole pipeline in memory, in virtual time, with
`strategy: cascade`, and are answered by the recorded provider. Money is what the pipeline booked, both calls of an
escalation included; tokens are estimated from the recorded texts. `--also` adds outcomes to fit on.

The same prompts go to each model alone for comparison. Brackets are 95 % intervals of the percentile bootstrap over
prompts. Which probability an answer must reach is a setting (`routing.cascade_accept`): `default` is what it is
without being chosen here, `by_accept` shows the others.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.providers.protocol import Prompt
from agents.providers.registry import build_providers
from agents.routing.configured import configured_checker
from agents.routing.learning.fitting import fit_router
from agents.routing.learning.outcomes import Outcomes, held_out, joined, read_file
from agents.routing.learning.store import save
from benchmarks.gsm8k import COLUMNS, FILE, TASK_TYPE
from schemas.registry import ModelRegistry
from schemas.settings import ProviderSettings, RoutingSettings, Settings
from schemas.tenant import TenantRegistered
from schemas.wire import Answer
from streams.embedding import EmbeddingEngine
from tests.pipeline.rig import Rig, ask, serve, settings

MODELS_FILE = Path(__file__).parents[1] / "config" / "gsm8k-models.yaml"
WEAK, STRONG = COLUMNS
NAMES = {column: model for model, column in COLUMNS.items()}
TENANT = TenantRegistered(tenant="bench", reference_model=STRONG)
ACCEPTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
RESAMPLES = 2_000
SEED = 7
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Run:
    """What the pipeline made of every prompt, in their order.

    Attributes:
        right: Whether the delivered answer was right.
        strong: Whether the strong model was called.
        cost: Of all calls, in US dollars.
        expected: Cost expected by routing, in US dollars.
        escalation: Share of requests with an escalation that routing expected.
    """

    right: Floats
    strong: Floats
    cost: Floats
    expected: Floats
    escalation: Floats


def named(outcomes: Outcomes) -> Outcomes:
    """Return outcomes under the names that models have in the models file."""
    return replace(
        outcomes,
        models=tuple(NAMES.get(model, model) for model in outcomes.models),
        answers={NAMES.get(model, model): answers for model, answers in outcomes.answers.items()},
    )


def piped(file: Path, test: Outcomes, routing: RoutingSettings, **fields: Any) -> Run:
    """Send the prompts through the pipeline.

    Args:
        file: The recording that answers.
        test: The prompts with their grades.
        routing: How to choose.
        **fields: Of every request.
    """
    columns = {model: f"{column}_answer" for model, column in COLUMNS.items()}
    section = ProviderSettings(kind="recorded", recording=file, recorded_columns=columns)
    configured: Settings = settings(providers={"recorded": section}, routing=routing)
    registry = ModelRegistry.load(MODELS_FILE)
    providers = build_providers(configured.providers, registry)
    rig = Rig(configured, registry, providers=providers, tenants=(TENANT,))
    extra = {"task_type": TASK_TYPE, "cache": {"directive": "bypass"}, **fields}
    requests = [ask(f"q{row}", TENANT.tenant, prompt=prompt, **extra) for row, prompt in enumerate(test.prompts)]
    results = serve(rig, *requests).results()
    called: dict[str, set[str]] = {}
    for usage in rig.usages():
        called.setdefault(usage["request_id"], set()).add(usage["model"])
    told = [results[f"q{row}"][0] for row in range(len(test.prompts))]
    assert all(result["status"] == "completed" for result in told), "the recording answers everything"
    return Run(
        np.array([test.right[row, test.models.index(result["model"])] for row, result in enumerate(told)]),
        np.array([float(STRONG in called[f"q{row}"]) for row in range(len(told))]),
        np.array([float(result["cost_usd"]) for result in told]),
        np.array([float(result["decision"]["expected_cost_usd"]) for result in told]),
        np.array([_escalation(result["decision"]) for result in told]),
    )


def _escalation(decision: Mapping[str, Any]) -> float:
    steps = decision.get("steps", ())
    return float(steps[0]["escalation"]) if steps else float("nan")


def figures(run: Run, strong: Run) -> dict[str, Any]:
    """Return a run's figures, against the strong model alone."""
    rows = np.random.default_rng(SEED).integers(0, len(run.right), (RESAMPLES, len(run.right)))
    quality = run.right[rows].mean(axis=1) / strong.right[rows].mean(axis=1)
    cost = run.cost[rows].mean(axis=1) / strong.cost[rows].mean(axis=1)
    escalation = float(np.mean(run.escalation))
    return {
        "strong_calls": _rounded(run.strong.mean()),
        "strong_calls_interval": _interval(run.strong[rows].mean(axis=1)),
        "quality": _rounded(run.right.mean()),
        "quality_of_strong": _rounded(run.right.mean() / strong.right.mean()),
        "quality_of_strong_interval": _interval(quality),
        "cost_usd": round(float(run.cost.sum()), 6),
        "cost_of_strong": _rounded(run.cost.sum() / strong.cost.sum()),
        "cost_of_strong_interval": _interval(cost),
        "expected_cost_usd": round(float(run.expected.sum()), 6),
        "expected_escalation": None if np.isnan(escalation) else _rounded(escalation),
    }


def check_us(test: Outcomes, routing: RoutingSettings) -> dict[str, float]:
    """Return the processor time of checking one answer of the weak model, in microseconds."""
    checker = configured_checker(routing)
    times = []
    for prompt, content in zip(test.prompts, test.answers[WEAK], strict=True):
        asked, answer = Prompt("a", prompt), Answer(content, None, "stop")
        before = time.thread_time()
        checker.holds(asked, WEAK, answer, 0.6)
        times.append((time.thread_time() - before) * 1e6)
    return {"median": round(float(np.median(times)), 1), "p95": round(float(np.percentile(times, 95)), 1)}


def _rounded(share: Any) -> float:
    return round(float(share), 4)


def _interval(drawn: Floats) -> list[float]:
    return [_rounded(edge) for edge in np.percentile(drawn, [2.5, 97.5])]


def measure(file: Path, also: Sequence[Path], folder: Path) -> dict[str, Any]:
    """Fit on one half, run the other through the pipeline."""
    parts = [named(read_file(each)) for each in (file, *also)]
    fitted = joined([part.rows(~held_out(part.prompts)) for part in parts])
    test = parts[0].rows(held_out(parts[0].prompts))
    save(fit_router(fitted, EmbeddingEngine(), SEED, WEAK), folder)
    alone = {model: piped(file, test, RoutingSettings(), mode="explicit", model=model) for model in (WEAK, STRONG)}
    strong = alone[STRONG]
    routing = RoutingSettings(model_dir=folder)
    unscored = piped(file, test, RoutingSettings(), strategy="cascade")
    return {
        "benchmark": "cascade",
        "fitted_on": len(fitted.prompts),
        "prompts": len(test.prompts),
        "alone": {model: figures(run, strong) for model, run in alone.items()},
        "default": {
            "accept": routing.cascade_accept,
            **figures(piped(file, test, routing, strategy="cascade"), strong),
        },
        "check_us": {"scored": check_us(test, routing), "validators_only": check_us(test, RoutingSettings())},
        "validators_only": figures(unscored, strong),
        "by_accept": {str(accept): figures(piped(file, test, routing, accept=accept), strong) for accept in ACCEPTS},
    }


def main() -> int:
    """Measure, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, default=FILE, help="recorded outcomes (default: %(default)s)")
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="more outcomes to fit on")
    options = parser.parse_args()
    for file in (options.file, *options.also):
        if not file.exists():
            print(f"{file} is missing: the data lies beside the project; name it with --file", file=sys.stderr)
            return 2
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(options.file, options.also, Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
