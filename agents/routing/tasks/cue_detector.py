"""What kind of task a prompt is, from its words alone: a few microseconds, for one prompt as for each of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import exp
from operator import add

import numpy as np

from agents.routing.tasks.cues import FEATURES, FEW, HEAD, LARGEST, SHORT, TAIL, cues, marks
from agents.routing.tasks.detection import Detection
from agents.routing.tasks.examples import check_examples
from agents.routing.tasks.least_squares import fit_types

RIDGE = 1.0
"""Chosen by cross-validation over the examples."""
MOST_WORDS = (HEAD + TAIL) // 2 + 1
REMEMBERED = 16_384
"""Prompts made from one template mostly have the same marks."""
Row = tuple[float, ...]


class CueDetector:
    """Regularized least squares over cue words.

    What each value of each feature adds to the score of each type is worked out beforehand, so that a prompt costs a
    few sums: arrays would cost more for a lone prompt, and no less for each of many.

    Args:
        examples: Prompts by task type.

    Raises:
        ConfigurationError: There are not two types, or a type has not two examples.
    """

    def __init__(self, examples: Mapping[str, Sequence[str]]) -> None:
        check_examples(examples)
        self.task_types = tuple(examples)
        fitted = fit_types(
            cues([prompt for some in examples.values() for prompt in some]), [*map(len, examples.values())], RIDGE
        )
        weights = fitted.sharpness * fitted.weights
        self._start: Row = tuple((fitted.sharpness * fitted.base - fitted.mean @ weights).tolist())
        self._tables: list[list[Row]] = []
        for feature in range(len(FEATURES)):
            counts = np.arange(MOST_WORDS + 1 if feature == SHORT else LARGEST + 1, dtype=np.float64)
            values = np.minimum(FEW * FEW / (1 + counts), LARGEST) if feature == SHORT else counts
            self._tables.append([tuple(row) for row in np.outer(values / FEW, weights[feature]).tolist()])

        self._tell = lru_cache(REMEMBERED)(self._detect)

    def detect(self, prompts: Sequence[str]) -> list[Detection]:
        """Return the task type of each prompt."""
        tell = self._tell
        return [tell(tuple(marks(prompt))) for prompt in prompts]

    def _detect(self, found: tuple[int, ...]) -> Detection:
        scores: Sequence[float] = self._start
        for table, count in zip(self._tables, found, strict=True):
            if count:
                scores = list(map(add, scores, table[count] if count < len(table) else table[-1]))
        if not found[SHORT]:
            scores = list(map(add, scores, self._tables[SHORT][0]))
        best = max(scores)
        confidence = 1.0 / sum([exp(score - best) for score in scores])
        return Detection(self.task_types[scores.index(best)], confidence)
