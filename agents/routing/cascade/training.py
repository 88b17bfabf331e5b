"""Fits the scorer of answers from graded ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from agents.routing.cascade.scorer import AnswerScorer, Floats
from agents.routing.cascade.signals import signals_of

STRENGTH = 0.03
"""Inverse regularization; by cross-validation on half of the GSM8K outcomes 0.01 to 0.1 do equally well."""
PARTS = 10
LEAST_GRADED = 40
"""Fewer graded answers teach nothing that can be trusted."""


def fit_scorer(
    model: str, prompts: Sequence[str], answers: Sequence[str], right: Floats, expected: Floats
) -> AnswerScorer | None:
    """Fit the probability that this model's answer is right.

    The strong regularization draws probabilities to the middle; Platt's scaling on predictions out of fold, folded
    into the weights, spreads them again.

    Args:
        model: Whose answers these are.
        prompts: What was asked.
        answers: What it answered; as many.
        right: 1 or 0; as many.
        expected: The logit of a right answer predicted from the prompt, by a fit without it; as many.

    Returns:
        The scorer, or None where there are too few graded answers to learn from, or they are all right or all wrong.
    """
    if len(right) < LEAST_GRADED or min(right.sum(), len(right) - right.sum()) < PARTS:
        return None
    inputs = np.column_stack([signals_of(prompts, answers), expected])
    shift, spread = inputs.mean(axis=0), inputs.std(axis=0)
    spread[spread == 0] = 1.0
    standard = (inputs - shift) / spread
    kind = LogisticRegression(C=STRENGTH)
    logits = cross_val_predict(kind, standard, right > 0, cv=PARTS, method="decision_function")
    scaling = LogisticRegression().fit(logits[:, None], right > 0)
    fitted = kind.fit(standard, right > 0)
    factor = float(scaling.coef_[0, 0])
    weights = factor * fitted.coef_[0] / spread
    bias = factor * float(fitted.intercept_[0]) + float(scaling.intercept_[0]) - float(shift @ weights)
    return AnswerScorer(model, weights, bias)
