"""From graded outcomes to all that routing learns from them."""

from __future__ import annotations

import numpy as np

from agents.routing.cascade.scorer import AnswerScorer
from agents.routing.cascade.training import fit_scorer
from agents.routing.learning.components import Floats, stacked
from agents.routing.learning.corrections import Corrections
from agents.routing.learning.learned import Learned
from agents.routing.learning.outcomes import Outcomes, prompt_keys, weakest
from agents.routing.learning.predictor import Knowledge, features_of
from agents.routing.learning.stacking import calibration, fit_stack, out_of_fold
from agents.routing.learning.training import Examples, fit_components
from schemas.errors import ConfigurationError
from streams.embedding import Embedder

LEAST_PROMPTS = 50
LEAST_OF_A_KIND = 10
"""Right answers and wrong ones that a model needs, so that every part of a cross-validation has some."""


def fit_router(outcomes: Outcomes, embedder: Embedder, seed: int, cheap: str | None = None) -> Learned:
    """Fit the predictor, and the scorer of the cheap model's answers where there are any.

    Args:
        outcomes: What was graded.
        embedder: For the prompts.
        seed: Of folds and clusters: the same seed gives the same fit.
        cheap: Whose answers a cascade checks; by default the model with the smallest share of right answers.

    Raises:
        ConfigurationError: There is too little to learn from, or `cheap` is not among the models.
    """
    _enough(outcomes)
    cheap = cheap or weakest(outcomes)
    if cheap not in outcomes.models:
        raise ConfigurationError(f"model {cheap!r} has no outcomes; name one of {', '.join(outcomes.models)}")
    features = features_of(outcomes.prompts, embedder)
    examples = Examples(features, embedder.dimensions, outcomes.right, np.array(outcomes.topics))
    views = out_of_fold(examples, seed)
    stack = fit_stack(views, outcomes.right)
    components = fit_components(examples, seed)
    knowledge = Knowledge(
        outcomes.models, components, stack, Corrections.none(len(components.centres), len(outcomes.models))
    )
    measured = calibration(views, outcomes.right, seed)
    return Learned(
        knowledge,
        _scorer(outcomes, cheap, stacked(views, stack)),
        dict(zip(outcomes.models, measured, strict=True)),
        np.unique(prompt_keys(outcomes.prompts)),
        embedder.name,
    )


def _scorer(outcomes: Outcomes, cheap: str, logits: Floats) -> AnswerScorer | None:
    column = outcomes.models.index(cheap)
    rows = np.flatnonzero(outcomes.answered(cheap) & ~np.isnan(outcomes.right[:, column]))
    if not len(rows):
        return None
    answers = [outcomes.answers[cheap][row] or "" for row in rows]
    prompts = [outcomes.prompts[row] for row in rows]
    return fit_scorer(cheap, prompts, answers, outcomes.right[rows, column], logits[rows, column])


def _enough(outcomes: Outcomes) -> None:
    if len(outcomes.prompts) < LEAST_PROMPTS:
        raise ConfigurationError(
            f"{len(outcomes.prompts)} graded prompts are too few to learn from; give at least {LEAST_PROMPTS}"
        )
    for model, grades in zip(outcomes.models, outcomes.right.T, strict=True):
        kinds = {"right": int((grades == 1).sum()), "wrong": int((grades == 0).sum())}
        for kind, count in kinds.items():
            if count < LEAST_OF_A_KIND:
                raise ConfigurationError(
                    f"model {model!r} has {count} {kind} answers; give outcomes with at least {LEAST_OF_A_KIND}"
                )
