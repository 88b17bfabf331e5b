"""What kind of task a prompt is, from its words and its neighbours among example prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.routing.tasks.cues import cues
from agents.routing.tasks.detection import Detection
from agents.routing.tasks.examples import check_examples
from agents.routing.tasks.least_squares import fit_types
from streams.embedding import Embedder, Vectors

EMBEDDING_WEIGHT = 1.0
NEIGHBOUR_WEIGHT = 3.0
RIDGE = 3.0
"""Regularization of the least squares, and the weights above: chosen by cross-validation over the examples."""
NEAREST = 3


class TaskTypeDetector:
    """Regularized least squares over embedding, similarity to each type's nearest examples, and cue words.

    Fitted when it is made, in some milliseconds, so that examples can be added without a fit to keep. The confidence
    is calibrated on the examples, each predicted from the others.

    Args:
        embedder: For prompts and examples.
        examples: Prompts by task type.

    Raises:
        ConfigurationError: There are not two types, or a type has not two examples.
    """

    def __init__(self, embedder: Embedder, examples: Mapping[str, Sequence[str]]) -> None:
        check_examples(examples)
        self._embedder = embedder
        self.task_types = tuple(examples)
        prompts = [prompt for some in examples.values() for prompt in some]
        sizes = [len(some) for some in examples.values()]
        self._starts = np.cumsum([0, *sizes])[:-1]
        self._vectors = embedder.embed(prompts)
        similar = self._vectors @ self._vectors.T
        np.fill_diagonal(similar, -1.0)
        self._fitted = fit_types(self._inputs(prompts, self._vectors, similar), sizes, RIDGE)

    def detect(self, prompts: Sequence[str]) -> list[Detection]:
        """Return the task type of each prompt."""
        return self.detect_embedded(prompts, self._embedder.embed(prompts))

    def detect_embedded(self, prompts: Sequence[str], vectors: Vectors) -> list[Detection]:
        """Return the task type of each prompt, whose vectors the caller has; as many as prompts."""
        shares = self._fitted.shares(self._inputs(prompts, vectors, vectors @ self._vectors.T))
        best = shares.argmax(axis=1)
        return [
            Detection(self.task_types[place], confidence)
            for place, confidence in zip(best.tolist(), shares[np.arange(len(best)), best].tolist(), strict=True)
        ]

    def _inputs(self, prompts: Sequence[str], vectors: Vectors, similar: Vectors) -> NDArray[np.float64]:
        ends = [*self._starts[1:], similar.shape[1]]
        near = [
            np.partition(similar[:, start:end], -min(NEAREST, end - start), axis=1)[:, -NEAREST:].mean(axis=1)
            for start, end in zip(self._starts, ends, strict=True)
        ]
        return np.hstack([EMBEDDING_WEIGHT * vectors, NEIGHBOUR_WEIGHT * np.column_stack(near), cues(prompts)])
