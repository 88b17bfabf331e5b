"""What kind of task a prompt is, from its words and its neighbours among example prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from agents.routing.embedding import Embedder, Vectors
from agents.routing.tasks.cues import cues
from schemas.errors import ConfigurationError

EXAMPLES = Path(__file__).with_name("examples.yaml")
EMBEDDING_WEIGHT = 1.0
NEIGHBOUR_WEIGHT = 3.0
RIDGE = 3.0
"""Regularization of the least squares, and the weights above: chosen by cross-validation over the examples."""
NEAREST = 3
SHARPEST = 40.0
SHARPNESS = np.geomspace(1.0, SHARPEST, 40)
LEAST_TYPES = 2
LEAST_EXAMPLES = 2


class Detection(NamedTuple):
    """A prompt's likeliest task type and the probability that it is that."""

    task_type: str
    confidence: float


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
        _enough(examples)
        self._embedder = embedder
        self.task_types = tuple(examples)
        prompts = [prompt for some in examples.values() for prompt in some]
        sizes = [len(some) for some in examples.values()]
        self._starts = np.cumsum([0, *sizes])[:-1]
        self._vectors = embedder.embed(prompts)
        truth = np.repeat(np.arange(len(sizes)), sizes)
        similar = self._vectors @ self._vectors.T
        np.fill_diagonal(similar, -1.0)
        inputs = self._inputs(prompts, self._vectors, similar)
        self._mean = inputs.mean(axis=0)
        centred = inputs - self._mean
        goal = np.eye(len(sizes))[truth]
        self._base = goal.mean(axis=0)
        inverse = np.linalg.inv(centred.T @ centred + RIDGE * np.eye(inputs.shape[1]))
        self._weights = inverse @ centred.T @ (goal - self._base)
        leverage = np.einsum("ij,jk,ik->i", centred, inverse, centred)[:, None] + 1 / len(prompts)
        fitted = centred @ self._weights + self._base
        left_out = (fitted - leverage * goal) / (1 - leverage)
        losses = [-np.log(_softmax(sharp * left_out)[np.arange(len(truth)), truth]).mean() for sharp in SHARPNESS]
        self._sharpness = float(SHARPNESS[int(np.argmin(losses))])

    def detect(self, prompts: Sequence[str]) -> list[Detection]:
        """Return the task type of each prompt."""
        return self.detect_embedded(prompts, self._embedder.embed(prompts))

    def detect_embedded(self, prompts: Sequence[str], vectors: Vectors) -> list[Detection]:
        """Return the task type of each prompt, whose vectors the caller has; as many as prompts."""
        inputs = self._inputs(prompts, vectors, vectors @ self._vectors.T)
        shares = _softmax(self._sharpness * ((inputs - self._mean) @ self._weights + self._base))
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


def read_examples(file: Path = EXAMPLES) -> dict[str, list[str]]:
    """Read prompts by task type from a YAML file.

    Raises:
        ConfigurationError: It cannot be read, or does not map task types to lists of prompts.
    """
    try:
        examples = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as wrong:
        raise ConfigurationError(f"{file}: {wrong}; give a YAML file of prompts by task type") from wrong
    if not isinstance(examples, dict):
        raise ConfigurationError(f"{file}: not a mapping; give lists of prompts by task type")
    for task_type, prompts in examples.items():
        if not isinstance(prompts, list) or not all(isinstance(prompt, str) for prompt in prompts):
            raise ConfigurationError(f"{file}: {task_type}: not a list of texts; quote each prompt")
    return examples


def _enough(examples: Mapping[str, Sequence[str]]) -> None:
    if len(examples) < LEAST_TYPES:
        raise ConfigurationError(
            f"{len(examples)} task types are too few to tell apart; give examples of two or more"
        )
    for task_type, prompts in examples.items():
        if len(prompts) < LEAST_EXAMPLES:
            raise ConfigurationError(f"task type {task_type!r} has {len(prompts)} examples; give two or more")


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    raised: NDArray[np.float64] = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)
