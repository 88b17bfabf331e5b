"""Weighs the views against each other, so that what comes out is a calibrated probability."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from agents.routing.learning.calibration import Calibration, calibration_of
from agents.routing.learning.components import Floats, sigmoid, stacked
from agents.routing.learning.training import Examples, fit_components, folds

PARTS = 5
STACK_STRENGTH = 1.0


def out_of_fold(examples: Examples, seed: int) -> Floats:
    """Return the views' logits for every prompt from components fitted without it; (prompts, models, views)."""
    parts = []
    for fit, predict in folds(len(examples), PARTS, seed):
        components = fit_components(examples.rows(fit), seed)
        parts.append((predict, components.views(examples.features[predict])))
    views = np.empty((len(examples), *parts[0][1].shape[1:]))
    for predict, some in parts:
        views[predict] = some
    return views


def fit_stack(views: Floats, right: Floats) -> Floats:
    """Return for each model a bias and a weight for each view; (models, 1 + views).

    This is Platt's scaling with several scores: a logistic regression on logits that were predicted out of fold. The
    views weigh the same for all models: weights of a model's own tell more of chance than of the model, and chance
    in the difference of two models is what routes wrongly.
    """
    prompts, models, parts = views.shape
    own = np.broadcast_to(np.eye(models), (prompts, models, models))
    inputs = np.concatenate([views, own], axis=2).reshape(prompts * models, parts + models)
    known = ~np.isnan(right).ravel()
    fitted = LogisticRegression(C=STACK_STRENGTH, fit_intercept=False).fit(inputs[known], right.ravel()[known] > 0)
    weights = fitted.coef_[0]
    return np.column_stack([weights[parts:], np.tile(weights[:parts], (models, 1))])


def calibration(views: Floats, right: Floats, seed: int) -> list[Calibration]:
    """Measure each model's calibration, the stack itself fitted without the prompts it is measured on."""
    predicted = np.empty_like(right)
    for fit, predict in folds(len(right), PARTS, seed + 1):
        predicted[predict] = sigmoid(stacked(views[predict], fit_stack(views[fit], right[fit])))
    return [calibration_of(predicted[:, model], right[:, model]) for model in range(right.shape[1])]
