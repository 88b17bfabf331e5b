"""A network of one hidden layer at run time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.batch import Floats

LARGEST = 4.0
"""Standardized inputs are cut off there: a question longer than any fitted on is not believed more."""


@dataclass(frozen=True, slots=True)
class Network:
    """Standardizes its inputs; one hidden layer of rectified sums.

    Attributes:
        mean: Of the inputs.
        scale: They are multiplied by it.
        hidden: Weights into the layer; (inputs, width).
        hidden_bias: Added to them.
        out: Weights out of it; (width,).
        bias: Added to the sum.
    """

    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    out: Floats
    bias: float

    def score(self, inputs: Floats) -> NDArray[np.float64]:
        """Return the score of each row."""
        layer = standard(inputs, self.mean, self.scale) @ self.hidden + self.hidden_bias
        np.maximum(layer, 0, out=layer)
        return np.asarray(layer @ self.out + self.bias, dtype=np.float64)


def standard(inputs: Floats, mean: Floats, scale: Floats) -> Floats:
    """Return inputs less their mean, scaled and cut off."""
    result = inputs - mean
    result *= scale
    return np.asarray(np.clip(result, -LARGEST, LARGEST, out=result), dtype=np.float32)
