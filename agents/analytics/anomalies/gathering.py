"""Gathering requests until a rate or a mean of them says something: ten at least, however many minutes that takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from agents.analytics.anomalies.figures import Figures, part_of
from agents.analytics.anomalies.mix import Mix
from schemas.anomaly import Metric

ENOUGH = 10


@dataclass(slots=True)
class Gathered:
    """What has come since the last point of a rate, a mean or a mix.

    Attributes:
        total: Sum of what the mean is of.
        count: Requests.
        models: How many each model answered.
    """

    total: float = 0.0
    count: int = 0
    models: dict[str, int] = field(default_factory=dict)

    def add(self, metric: Metric, figures: Figures) -> float | None:
        """Take a minute into account; return the rate or mean once enough has come, and begin anew."""
        total, count = part_of(metric, figures)
        self.total += total
        self.count += count
        if self.count < ENOUGH:
            return None
        mean, self.total, self.count = self.total / self.count, 0.0, 0
        return math.exp(mean) if metric is Metric.LATENCY else mean

    def add_mix(self, mix: Mix, figures: Figures) -> float | None:
        """Do the same for the distance of the mix of models from the usual one, which learns it."""
        for name, answers in figures.models.items():
            self.models[name] = self.models.get(name, 0) + answers
        if sum(self.models.values()) < ENOUGH:
            return None
        distance = mix.distance(self.models)
        mix.add(self.models)
        self.models = {}
        return distance

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {"total": self.total, "count": self.count, "models": dict(self.models)}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """Return what `state` was taken from."""
        return cls(state["total"], state["count"], dict(state["models"]))
