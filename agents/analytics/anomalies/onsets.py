"""Reporting an episode once: a detector whose scores are 0 while something already reported goes on."""

from __future__ import annotations

import math
from typing import Self

from agents.analytics.anomalies.protocol import State
from agents.analytics.anomalies.surprise import SurpriseDetector

MEMORY = 400
"""Points in which a reported score fades to 1/e: about as long as an episode and what it leaves behind."""
MARGIN = 0.1
"""A point must be stranger than what was reported last by this much of what is missing to 1."""


class Onsets:
    """Passes a score on if it is above what is remembered of those passed on before.

    What is remembered fades, so that a second episode is reported again, and a much stranger one at once. It needs no
    threshold: whatever the reader's, the first point above it in a while is the one that is passed on.

    Args:
        detector: Whose scores.
        remembered: What is remembered of those passed on.
    """

    def __init__(self, detector: SurpriseDetector | None = None, remembered: float = 0.0) -> None:
        self._detector = detector if detector is not None else SurpriseDetector()
        self._remembered = remembered

    def score_one(self, at: float, value: float) -> float:
        """Return how strange a point would be now, from 0 to 1, or 0 if it goes on with what was reported."""
        score = self._detector.score_one(at, value)
        faded = self._remembered * math.exp(-1 / MEMORY)
        return score if score > faded + MARGIN * (1 - faded) else 0.0

    def learn_one(self, at: float, value: float) -> None:
        """Take a point into account."""
        passed_on = self.score_one(at, value)
        self._remembered = max(passed_on, self._remembered * math.exp(-1 / MEMORY))
        self._detector.learn_one(at, value)

    def state(self) -> State:
        """Return everything that is needed to go on elsewhere."""
        return {"detector": self._detector.state(), "remembered": self._remembered}

    @classmethod
    def restored(cls, state: State) -> Self:
        """Return the detector that `state` was taken from."""
        return cls(SurpriseDetector.restored(state["detector"]), state["remembered"])
