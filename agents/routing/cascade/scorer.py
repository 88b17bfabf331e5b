"""A learned probability that an answer is right, from the prompt and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.routing.cascade.signals import signals_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AnswerScorer:
    """A logistic model over the signals of an answer and what was predicted from its prompt.

    Attributes:
        model: Whose answers it was fitted on.
        weights: Of the signals, in the order of `SIGNALS`, then of the logit predicted from the prompt alone.
        bias: Added to them.
    """

    model: str
    weights: Floats
    bias: float

    def score(self, prompts: Sequence[str], answers: Sequence[str], expected: Floats) -> Floats:
        """Return the probability that each answer is right.

        Args:
            prompts: What was asked.
            answers: What the model answered; as many.
            expected: The logit of a right answer as predicted from the prompt alone; as many.
        """
        inputs = np.column_stack([signals_of(prompts, answers), expected])
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * (inputs @ self.weights + self.bias))), dtype=np.float64)
