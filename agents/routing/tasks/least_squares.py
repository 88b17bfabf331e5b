"""Regularized least squares over the examples, calibrated on each predicted from the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHARPEST = 40.0
SHARPNESS = np.geomspace(1.0, SHARPEST, 40)


class LeastSquares(NamedTuple):
    """A fit of F features to T task types.

    Attributes:
        mean: Of the features; (F,).
        weights: Of the centred features; (F, T).
        base: Share of each type among the examples; (T,).
        sharpness: Makes shares of scores, by softmax.
    """

    mean: Floats
    weights: Floats
    base: Floats
    sharpness: float

    def shares(self, inputs: Floats) -> Floats:
        """Return the probability of each type; (prompts, T)."""
        return softmax(self.sharpness * ((inputs - self.mean) @ self.weights + self.base))


def fit_types(inputs: Floats, sizes: list[int], ridge: float) -> LeastSquares:
    """Fit.

    Args:
        inputs: Features of the examples, one type after the other; (examples, F).
        sizes: How many examples each type has.
        ridge: Strength of the regularization.
    """
    truth = np.repeat(np.arange(len(sizes)), sizes)
    mean = inputs.mean(axis=0)
    centred = inputs - mean
    goal = np.eye(len(sizes))[truth]
    base = goal.mean(axis=0)
    inverse = np.linalg.inv(centred.T @ centred + ridge * np.eye(inputs.shape[1]))
    weights = inverse @ centred.T @ (goal - base)
    leverage = np.einsum("ij,jk,ik->i", centred, inverse, centred)[:, None] + 1 / len(inputs)
    fitted = centred @ weights + base
    left_out = (fitted - leverage * goal) / (1 - leverage)
    losses = [-np.log(softmax(sharp * left_out)[np.arange(len(truth)), truth]).mean() for sharp in SHARPNESS]
    return LeastSquares(mean, weights, base, float(SHARPNESS[int(np.argmin(losses))]))


def softmax(scores: Floats) -> Floats:
    """Return each row's scores as shares that add up to 1."""
    raised: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)
