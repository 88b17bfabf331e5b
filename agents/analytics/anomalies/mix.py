"""How much the mix of models differs from the usual one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

KEPT = math.exp(-1 / 120)
"""The usual mix is that of the last 120 points or so."""
MOST = 32
"""Models that are told apart; the rarest are dropped."""


class Mix:
    """The usual shares of models.

    Args:
        usual: Their weights; older answers count less.
    """

    __slots__ = ("usual",)

    def __init__(self, usual: Mapping[str, float] | None = None) -> None:
        self.usual = dict(usual or {})

    def distance(self, models: Mapping[str, int]) -> float:
        """Return which part of answers comes from another model than usual, 0 to 1; 0 as long as nothing is usual."""
        weight, count = sum(self.usual.values()), sum(models.values())
        if not weight or not count:
            return 0.0
        names = self.usual.keys() | models.keys()
        return sum(abs(models.get(name, 0) / count - self.usual.get(name, 0.0) / weight) for name in names) / 2

    def add(self, models: Mapping[str, int]) -> None:
        """Take answers into account."""
        count = sum(models.values())
        usual = {name: KEPT * weight for name, weight in self.usual.items()}
        for name, answers in models.items():
            usual[name] = usual.get(name, 0.0) + answers / count
        largest = sorted(usual.items(), key=lambda each: (-each[1], each[0]))[:MOST]
        self.usual = dict(largest)

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {"usual": dict(self.usual)}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """Return what `state` was taken from."""
        return cls(state["usual"])
