"""What every online detector can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

State = Mapping[str, Any]
"""Numbers, strings, lists and mappings of them: what JSON can carry."""


class Detector(Protocol):
    """Judges the points of one series in the order of time.

    The score of a point uses that point and those learned before, nothing after it. What a detector keeps is bounded,
    however long the series, and survives a restart as plain data.
    """

    def score_one(self, at: float, value: float) -> float:
        """Return how strange a point would be now, from 0 to 1. Changes nothing.

        Args:
            at: Seconds since 1970 in the time zone whose days and weeks the series follows.
            value: What was measured. Finite.
        """
        ...

    def learn_one(self, at: float, value: float) -> None:
        """Take a point into account."""
        ...

    def state(self) -> State:
        """Return everything that is needed to go on elsewhere."""
        ...

    @classmethod
    def restored(cls, state: State) -> Self:
        """Return the detector that `state` was taken from."""
        ...
