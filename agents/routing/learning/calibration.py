"""How far predicted probabilities agree with what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.routing.learning.components import Floats

BINS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far predictions on prompts not fitted on can be trusted.

    Attributes:
        graded: Graded answers it was measured on.
        base_rate: Share of right answers.
        brier: Mean squared difference of prediction and grade; a constant prediction has base_rate * (1 - base_rate).
        error: Expected calibration error: mean distance of predicted and actual share of right answers over ten bins
            of equally many predictions.
    """

    graded: int
    base_rate: float
    brier: float
    error: float


def calibration_of(predicted: Floats, grades: Floats) -> Calibration:
    """Compare predictions of one model with its grades, where there are any."""
    known: NDArray[np.bool_] = ~np.isnan(grades) & ~np.isnan(predicted)
    chance, right = predicted[known], grades[known]
    bins = np.array_split(np.argsort(chance, kind="stable"), BINS)
    apart = sum(len(some) * abs(chance[some].mean() - right[some].mean()) for some in bins if len(some))
    return Calibration(
        len(right), float(right.mean()), float(np.mean((chance - right) ** 2)), float(apart / len(right))
    )
