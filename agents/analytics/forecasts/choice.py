"""The choice among what was tried: one method, or the mean of the best few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.analytics.forecasts.backtest import Trial, mean_error
from agents.analytics.forecasts.methods.method import Floats, Method

TOGETHER = (2, 3, 5)
CLEARLY_BETTER = 0.97


@dataclass(frozen=True, slots=True)
class Choice:
    """What is believed.

    Attributes:
        methods: Whose mean it is.
        paths: What it said in the backtest.
        error: Its mean absolute error there.
    """

    methods: tuple[Method, ...]
    paths: Floats
    error: float

    @property
    def name(self) -> str:
        """As reports call it."""
        names = [method.name for method in self.methods]
        return names[0] if len(names) == 1 else f"mean of {', '.join(names)}"


def choose(trials: Sequence[Trial], truth: Floats) -> Choice:
    """Choose what was nearest to the truth.

    Means of the best few are preferred unless a single method is clearly better: which one was best is partly luck,
    and their errors partly cancel out.
    """
    errors = [mean_error(trial.paths, truth) for trial in trials]
    order = sorted(range(len(trials)), key=lambda index: errors[index])
    single = Choice((trials[order[0]].method,), trials[order[0]].paths, errors[order[0]])
    best: Choice | None = None
    for count in TOGETHER:
        if count <= len(order):
            members = [trials[index] for index in order[:count]]
            paths = np.mean([trial.paths for trial in members], axis=0)
            error = mean_error(paths, truth)
            if best is None or error < best.error:
                best = Choice(tuple(trial.method for trial in members), paths, error)
    return single if best is None or single.error < CLEARLY_BETTER * best.error else best
