"""What grades after the fit change: a shift of each model's logit, everywhere and near the graded prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.routing.learning.components import Floats, Neighbourhoods

GLOBAL_PRIOR = 5.0
"""Information, the sum of p (1 - p), with which a model's shift is drawn to 0; 20 uncertain grades halve the draw."""
LOCAL_PRIOR = 10.0
"""The same for the shift of a neighbourhood, which is drawn to the model's."""
LARGEST = 3.0


@dataclass(frozen=True, slots=True)
class Corrections:
    """Sums over all grades, so that their order does not matter and the state is a fold. K neighbourhoods, M models.

    Attributes:
        surprise: Sum of grade minus predicted probability; (K, M).
        information: Sum of the variance of a grade as predicted; (K, M).
        count: Number of grades; (K, M).
    """

    surprise: Floats
    information: Floats
    count: Floats

    @classmethod
    def none(cls, neighbourhoods: int, models: int) -> Self:
        """Return what is known before any grade."""
        return cls(*(np.zeros((neighbourhoods, models)) for _ in range(3)))

    def with_grades(
        self, near: Neighbourhoods, models: NDArray[np.int64], predicted: Floats, grades: Floats
    ) -> Corrections:
        """Return the sums with more grades added.

        Args:
            near: Of each graded prompt.
            models: Column of the graded model; (grades,).
            predicted: Probability before any correction; (grades,).
            grades: In [0, 1]; (grades,).
        """
        added = []
        for sums, amounts in (
            (self.surprise, grades - predicted),
            (self.information, predicted * (1 - predicted)),
            (self.count, np.ones_like(grades)),
        ):
            more = sums.copy()
            np.add.at(more, (near.places, models[:, None]), near.shares * amounts[:, None])
            added.append(more)
        return Corrections(*added)

    def shifts(self) -> Floats:
        """Return what to add to each model's logit in each neighbourhood; (K, M).

        One step of Newton's method from the fitted prediction towards the likeliest shift under a normal prior: the
        model's shift around 0, the neighbourhood's around the model's.
        """
        everywhere = self.surprise.sum(axis=0) / (self.information.sum(axis=0) + GLOBAL_PRIOR)
        here = (self.surprise + LOCAL_PRIOR * everywhere) / (self.information + LOCAL_PRIOR)
        return np.asarray(np.clip(here, -LARGEST, LARGEST), dtype=np.float64)
