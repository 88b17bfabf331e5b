"""The choice among what was tried: the mean of the best few, each weighed by how near it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.analytics.forecasts.backtest import Trial, mean_error
from agents.analytics.forecasts.methods.method import Floats, Method

TOGETHER = 5
SHARPNESS = 8
"""A method that was a tenth further off than the best weighs half as much."""
LEAST_WEIGHT = 0.05
"""Of the best one's."""
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Choice:
    """What is believed.

    Attributes:
        methods: Whose mean it is, the heaviest first.
        weights: How much each counts; one together.
        paths: What the mean said in the backtest.
        error: Its mean absolute error there.
    """

    methods: tuple[Method, ...]
    weights: tuple[float, ...]
    paths: Floats
    error: float

    @property
    def name(self) -> str:
        """As reports call it."""
        if len(self.methods) == 1:
            return self.methods[0].name
        pairs = zip(self.methods, self.weights, strict=True)
        return " + ".join(f"{weight:.2f} {method.name}" for method, weight in pairs)


def choose(trials: Sequence[Trial], truth: Floats) -> Choice:
    """Choose what was near to the truth.

    Which method was nearest is partly luck, the more so the shorter the history, and errors of several partly cancel
    out: so those that were nearly as near count too, and by their mean they are judged.
    """
    costs = np.array([mean_error(trial.paths, truth) * trial.method.handicap for trial in trials])
    weights = ((costs.min() + TINY) / (costs + TINY)) ** SHARPNESS
    order = [index for index in np.argsort(-weights, kind="stable")[:TOGETHER] if weights[index] >= LEAST_WEIGHT]
    shares = weights[order] / weights[order].sum()
    paths = np.tensordot(shares, np.stack([trials[index].paths for index in order]), 1)
    return Choice(
        tuple(trials[index].method for index in order), tuple(shares.tolist()), paths, mean_error(paths, truth)
    )
