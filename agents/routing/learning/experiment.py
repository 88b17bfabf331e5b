"""Fits on one half, measures on the other: what stands behind `asahi evaluate routing`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.routing.learning.calibration import Calibration, calibration_of
from agents.routing.learning.frontier import Measured, Pair, measure
from agents.routing.learning.learned import Learned
from agents.routing.learning.outcomes import Outcomes
from agents.routing.learning.rules import Rule, nearest, oracle, predicted, random_rule
from agents.routing.learning.scoring import score
from schemas.errors import ConfigurationError
from streams.embedding import Embedder

LEAST_MEASURED = 30


@dataclass(frozen=True, slots=True)
class Report:
    """One file's measurements.

    Attributes:
        name: Of the file.
        weak: Name of the weak model.
        strong: Name of the strong model.
        prompts: How many it was measured on.
        weak_quality: Share of right answers of the weak model on them.
        strong_quality: The same of the strong one.
        rules: What each rule looks at, by its name.
        measured: By the rule's name.
        calibration: Of the predictor by model, on the same prompts.
    """

    name: str
    weak: str
    strong: str
    prompts: int
    weak_quality: float
    strong_quality: float
    rules: dict[str, str]
    measured: dict[str, Measured]
    calibration: dict[str, Calibration]


@dataclass(frozen=True, slots=True)
class Measurement:
    """How to measure.

    Attributes:
        weak: Name of the weak model.
        strong: Name of the strong model.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """

    weak: str
    strong: str
    resamples: int
    seed: int


def report(
    name: str, test: Outcomes, fit: Outcomes | None, learned: Learned, embedder: Embedder, how: Measurement
) -> Report:
    """Measure every rule on the outcomes of one file.

    Args:
        name: Of the file.
        test: Outcomes that the fit has not seen.
        fit: Outcomes of the same file for the nearest neighbours, or None for none of that rule.
        learned: The predictor and the scorer of answers.
        embedder: For the prompts.
        how: How to measure.

    Raises:
        ConfigurationError: A model is not in the file or was not fitted, or too few prompts are left to measure on.
    """
    test = test.rows(_both_graded(name, test, how))
    if len(test.prompts) < LEAST_MEASURED:
        raise ConfigurationError(
            f"{name}: {len(test.prompts)} prompts are left to measure on, less than {LEAST_MEASURED}; give outcomes "
            "that were not fitted on, or leave out --model-dir to fit on one half of these"
        )
    pair = _pair(test, how)
    rules = [*_rules(test, learned, embedder, how, pair)]
    if fit is not None:
        fit = fit.rows(_both_graded(name, fit, how))
        rules.insert(1, nearest(embedder.embed(test.prompts), embedder.embed(fit.prompts), _pair(fit, how)))
    return Report(
        name,
        how.weak,
        how.strong,
        len(pair),
        float(pair.weak.mean()),
        float(pair.strong.mean()),
        {rule.name: rule.meaning for rule in rules},
        {rule.name: measure(rule.scores, pair, how.resamples, how.seed) for rule in rules},
        _calibration(test, learned, embedder),
    )


def _rules(test: Outcomes, learned: Learned, embedder: Embedder, how: Measurement, pair: Pair) -> Sequence[Rule]:
    predictor = learned.predictor(embedder)
    for model in (how.weak, how.strong):
        if model not in predictor.models:
            raise ConfigurationError(f"model {model!r} was not fitted; name one of {', '.join(predictor.models)}")
    weak, strong = predictor.models.index(how.weak), predictor.models.index(how.strong)
    before = predictor.predict(test.prompts, [None] * len(test.prompts))
    rules = [
        random_rule(pair),
        predicted("predictor", before[:, weak], before[:, strong], "the prompt"),
        oracle(pair),
    ]
    scorer = learned.scorer
    if scorer is not None and scorer.model == how.weak and test.answered(how.weak).any():
        after = score(predictor, scorer, test.prompts, test.answers[how.weak])
        meaning = f"the prompt and the answer of {how.weak}, which is asked every time"
        rules.insert(2, predicted("cascade", after[:, weak], after[:, strong], meaning))
    return rules


def _both_graded(name: str, outcomes: Outcomes, how: Measurement) -> NDArray[np.bool_]:
    for model in (how.weak, how.strong):
        if model not in outcomes.models:
            raise ConfigurationError(f"{name}: no outcomes of {model!r}; name one of {', '.join(outcomes.models)}")
    columns = [outcomes.models.index(model) for model in (how.weak, how.strong)]
    return np.asarray(~np.isnan(outcomes.right[:, columns]).any(axis=1), dtype=np.bool_)


def _pair(outcomes: Outcomes, how: Measurement) -> Pair:
    weak, strong = (outcomes.models.index(model) for model in (how.weak, how.strong))
    return Pair(outcomes.right[:, weak], outcomes.right[:, strong])


def _calibration(test: Outcomes, learned: Learned, embedder: Embedder) -> dict[str, Calibration]:
    predictor = learned.predictor(embedder)
    probability = predictor.predict(test.prompts, [None] * len(test.prompts))
    both = [model for model in predictor.models if model in test.models]
    return {
        model: calibration_of(probability[:, predictor.models.index(model)], test.right[:, test.models.index(model)])
        for model in both
    }
