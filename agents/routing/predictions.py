"""What the router wants to know about prompts before it chooses: how probably each model answers right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class QualityPredictor(Protocol):
    """Tells from prompts alone how probably each known model answers them right.

    Attributes:
        models: The models it knows, by the names their graded outcomes carry; the order of the columns.
    """

    @property
    def models(self) -> tuple[str, ...]:
        """The models it knows; the order of the columns."""
        ...

    def predict(self, prompts: Sequence[str], task_types: Sequence[str | None]) -> NDArray[np.float64]:
        """Predict the quality of every known model on every prompt.

        Args:
            prompts: What is asked, whole.
            task_types: The task type of each prompt where one is known; as many as prompts.

        Returns:
            Probabilities of a right answer in [0, 1], of shape (prompts, models); NaN where nothing is known, so that
            the caller falls back to its own prior.
        """
        ...
