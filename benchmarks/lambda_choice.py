"""The lambda that reaches a share of the strong model's quality, by predictions of prompts not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.routing.learning.components import Floats, sigmoid, stacked
from agents.routing.learning.outcomes import Outcomes
from agents.routing.learning.predictor import features_of
from agents.routing.learning.stacking import fit_stack, out_of_fold
from agents.routing.learning.training import Examples
from agents.routing.stage import RoutingStep
from benchmarks.graded_set import NAMES, STRONG, GradedSet
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.settings import RoutingSettings
from schemas.tenant import TenantRegistered
from schemas.tokens import estimate_tokens
from streams.embedding import Embedder
from streams.stage import Journey

LAMBDAS = np.geomspace(0.1, 100_000.0, 121)
RESAMPLES = 500


class Foreseen:
    """Predictions that are there already, by prompt; a `QualityPredictor`."""

    def __init__(self, models: tuple[str, ...], predictions: dict[str, Floats]) -> None:
        self.models = models
        self._predictions = predictions

    def predict(self, prompts: Sequence[str], task_types: Sequence[str | None]) -> NDArray[np.float64]:
        """Look them up."""
        del task_types
        return np.array([self._predictions[prompt] for prompt in prompts])


class Unsettled:
    """A receipt: routing never settles one."""

    def settle(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen on the prompts fitted on.

    Attributes:
        lambda_: Quality per US dollar.
        strong_calls: Share of prompts that go to the strong model.
        relative_quality: Quality reached, by the strong model's.
    """

    lambda_: float
    strong_calls: float
    relative_quality: float


def foreseen(outcomes: Outcomes, embedder: Embedder, seed: int) -> Foreseen:
    """Return predictions of each prompt from a fit without it, as `fit_router` makes them to weigh its views."""
    examples = Examples(
        features_of(outcomes.prompts, embedder), embedder.dimensions, outcomes.right, np.array(outcomes.topics)
    )
    views = out_of_fold(examples, seed)
    probability = sigmoid(stacked(views, fit_stack(views, outcomes.right)))
    models = tuple(NAMES[model] for model in outcomes.models)
    return Foreseen(models, dict(zip(outcomes.prompts, probability, strict=True)))


def choose_lambda(
    graded: GradedSet,
    predictor: Foreseen,
    registry: ModelRegistry,
    settings: RoutingSettings,
    target: float,
    standard_errors: float,
    seed: int,
) -> Chosen:
    """Return the greatest lambda up to which the target is reached, routing as the pipeline does.

    Args:
        graded: Prompts fitted on.
        predictor: Of these prompts.
        registry: The models.
        settings: Of the pipeline.
        target: Share of the strong model's quality.
        standard_errors: How far above the target to aim, in standard errors of the quality reached: half of all
            choices that just reach it miss it on other prompts.
        seed: Of the bootstrap that measures the standard error.
    """
    strong = graded.right(STRONG)
    best = Chosen(0.0, 1.0, 1.0)
    draws = np.random.default_rng(seed).integers(0, len(graded), (RESAMPLES, len(graded)))
    for lambda_ in LAMBDAS.tolist():
        models = routed(graded, predictor, registry, settings, lambda_)
        reached = np.array([graded.right(model)[row] for row, model in enumerate(models)])
        ratios = reached[draws].mean(axis=1) / strong[draws].mean(axis=1)
        relative = float(reached.mean() / strong.mean())
        if relative - standard_errors * float(ratios.std()) < target:
            break
        best = Chosen(lambda_, models.count(STRONG) / len(models), relative)
    return best


def routed(
    graded: GradedSet, predictor: Foreseen, registry: ModelRegistry, settings: RoutingSettings, lambda_: float
) -> list[str]:
    """Return the model that routing chooses for each prompt."""
    tenant = TenantRegistered(tenant="demo", reference_model=STRONG)
    journeys = []
    for document in graded.requests(tenant.tenant, lambda_):
        request = Request.model_validate(document)
        journeys.append(Journey(request, b"", "", 0, 0.0, Unsettled(), tenant=tenant))
        journeys[-1].input_tokens = estimate_tokens(request)
    step = RoutingStep(registry, settings, predictor)
    flow = step.process(journeys, 0.0)
    assert len(flow.onward) == len(journeys), "every request finds a model"
    return [journey.targets[0].model for journey in journeys]
