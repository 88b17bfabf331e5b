"""Fits the components from graded outcomes. The only modules that need scikit-learn are this one and `stacking`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import LogisticRegression

from agents.routing.learning.components import Components, Floats, logit, neighbourhoods

EMBEDDING_SCALE = 16.0
"""Unit vectors of 256 dimensions times this have a variance of about 1 in each, like the other features."""
LINEAR_STRENGTH = 0.001
"""Inverse regularization of the quality of a model; chosen by cross-validation on half of the MMLU outcomes."""
TOPIC_STRENGTH = 0.03
TOPIC_PRIOR = 10.0
"""A topic's quality is drawn to the model's own as if by so many graded answers more."""
PROMPTS_PER_NEIGHBOURHOOD = 20
MOST_NEIGHBOURHOODS = 256
LEAST_TOPIC = 2
ITERATIONS = 500


@dataclass(frozen=True, slots=True)
class Examples:
    """What is learned from, one row per prompt.

    Attributes:
        features: Embedding, then lexical features.
        dimensions: How many of the features are the embedding.
        right: 1, 0 or NaN by model.
        topics: Names of topics.
    """

    features: NDArray[np.float32]
    dimensions: int
    right: Floats
    topics: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.features)

    def rows(self, chosen: NDArray[np.int64]) -> Examples:
        """Return these rows."""
        return Examples(self.features[chosen], self.dimensions, self.right[chosen], self.topics[chosen])


def fit_components(examples: Examples, seed: int) -> Components:
    """Fit all views. Every model must have graded answers, not all equal."""
    scale, shift = _standard(examples)
    inputs = (examples.features - shift) / scale
    base = np.nanmean(examples.right, axis=0)
    fitted = [_quality(inputs, grades) for grades in examples.right.T]
    topic_weights, topic_bias, names = _topics(inputs, examples.topics)
    weights = np.column_stack([*(weight for weight, _ in fitted), topic_weights]) / scale[:, None]
    bias = np.concatenate([[offset for _, offset in fitted], topic_bias]) - shift @ weights
    members = (examples.topics[:, None] == names[None, :]).astype(np.float64)
    count = members.T @ ~np.isnan(examples.right)
    topic_quality = (members.T @ np.nan_to_num(examples.right) + TOPIC_PRIOR * base) / (count + TOPIC_PRIOR)
    vectors = np.ascontiguousarray(examples.features[:, : examples.dimensions])
    centres = _centres(vectors, seed)
    near = neighbourhoods(vectors, centres)
    belongs = np.zeros((len(examples), len(centres)))
    np.put_along_axis(belongs, near.places, near.shares, axis=1)
    graded = belongs.T @ ~np.isnan(examples.right)
    return Components(weights.astype(np.float32), bias.astype(np.float32), topic_quality, centres, graded)


def _standard(examples: Examples) -> tuple[Floats, Floats]:
    """Return scale and shift of every feature: the embedding is only scaled, the others are standardized."""
    scale = np.full(examples.features.shape[1], 1 / EMBEDDING_SCALE)
    shift = np.zeros_like(scale)
    others = examples.features[:, examples.dimensions :].astype(np.float64)
    spread = others.std(axis=0)
    scale[examples.dimensions :] = np.where(spread > 0, spread, 1.0)
    shift[examples.dimensions :] = others.mean(axis=0)
    return scale, shift


def _quality(inputs: Floats, grades: Floats) -> tuple[Floats, float]:
    """Return weights and bias for the logit of a right answer."""
    known = ~np.isnan(grades)
    if len(np.unique(grades[known])) < 2:  # in a part of the data all may be right
        return np.zeros(inputs.shape[1]), float(logit(grades[known].mean(keepdims=True))[0])
    model = LogisticRegression(C=LINEAR_STRENGTH, max_iter=ITERATIONS).fit(inputs[known], grades[known] > 0)
    return model.coef_[0], float(model.intercept_[0])


def _topics(inputs: Floats, topics: NDArray[np.str_]) -> tuple[Floats, Floats, NDArray[np.str_]]:
    """Return weights and bias for the score of each topic, and the topics' names in that order."""
    names = np.unique(topics)
    if len(names) < LEAST_TOPIC:
        return np.zeros((inputs.shape[1], 1)), np.zeros(1), names
    model = LogisticRegression(C=TOPIC_STRENGTH, max_iter=ITERATIONS).fit(inputs, topics)
    if len(names) == LEAST_TOPIC:  # fitted as one score against 0
        weights, bias = np.vstack([0 * model.coef_, model.coef_]), np.concatenate([[0.0], model.intercept_])
    else:
        weights, bias = model.coef_, model.intercept_
    return weights.T, bias, names


def _centres(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    groups = int(np.clip(len(np.unique(vectors, axis=0)) // PROMPTS_PER_NEIGHBOURHOOD, 1, MOST_NEIGHBOURHOODS))
    found = MiniBatchKMeans(groups, random_state=seed, n_init=3, batch_size=2048).fit(vectors).cluster_centers_
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def folds(size: int, parts: int, seed: int) -> Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return `parts` pairs of rows to fit and rows to predict, the same for the same seed."""
    order = np.random.default_rng(seed).permutation(size)
    return [
        (np.sort(np.concatenate([order[:at], order[end:]])), np.sort(order[at:end])) for at, end in _cuts(size, parts)
    ]


def _cuts(size: int, parts: int) -> Sequence[tuple[int, int]]:
    edges = np.linspace(0, size, parts + 1).astype(int)
    return [(int(at), int(end)) for at, end in pairwise(edges)]
