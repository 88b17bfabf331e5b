"""Two views of how well a model answers a prompt, a linear one and one by topic, and the prompt's neighbourhood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.embedding import Vectors

Floats = NDArray[np.float64]

VIEWS = ("linear", "topic")
NEAREST = 4
"""Neighbourhoods that a prompt belongs to."""
WARMTH = 0.05
"""Differences of cosine similarity of this size divide a neighbourhood's weight by e."""
EDGE = 1e-4
"""Probabilities are kept so far from 0 and 1, so that their logits stay finite."""


@dataclass(frozen=True, slots=True)
class Components:
    """The fitted arrays. M models, T topics, K neighbourhoods, F features of which the first D are the embedding.

    Attributes:
        weights: Of the features: for the logit of each model, then for the score of each topic; (F, M + T).
        bias: Added to them; (M + T,).
        topic_quality: Share of right answers by topic and model, drawn towards the model's own; (T, M).
        centres: Of the neighbourhoods, unit length; (K, D).
        graded: Graded answers in each neighbourhood by model; (K, M).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    topic_quality: Floats
    centres: NDArray[np.float32]
    graded: Floats

    @property
    def models(self) -> int:
        """How many models there are."""
        return int(self.topic_quality.shape[1])

    def views(self, features: NDArray[np.float32]) -> Floats:
        """Return the logit of a right answer as each view has it; (prompts, M, views)."""
        scores = (features @ self.weights + self.bias).astype(np.float64)
        by_topic = softmax(scores[:, self.models :]) @ self.topic_quality
        return np.stack([scores[:, : self.models], logit(by_topic)], axis=2)

    def near(self, vectors: Vectors) -> Neighbourhoods:
        """Return which neighbourhoods each vector belongs to, and how much."""
        return neighbourhoods(vectors, self.centres)


@dataclass(frozen=True, slots=True)
class Neighbourhoods:
    """The nearest centres of each prompt.

    Attributes:
        places: Rows of the centres; (prompts, nearest).
        shares: How much the prompt belongs to each; rows add up to 1; (prompts, nearest).
    """

    places: NDArray[np.int64]
    shares: Floats

    def mean(self, values: Floats) -> Floats:
        """Return the mean of values of shape (K, M) over each prompt's neighbourhoods; (prompts, M)."""
        mean: Floats = np.einsum("pn,pnm->pm", self.shares, values[self.places])
        return mean


def neighbourhoods(vectors: Vectors, centres: Vectors) -> Neighbourhoods:
    """Return the nearest centres by cosine similarity, nearer ones with a greater share."""
    similar = vectors @ centres.T
    nearest = min(NEAREST, len(centres))
    places = np.argpartition(similar, len(centres) - nearest, axis=1)[:, len(centres) - nearest :]
    kept = np.take_along_axis(similar, places, axis=1).astype(np.float64)
    return Neighbourhoods(places.astype(np.int64), softmax(kept / WARMTH))


def softmax(scores: Floats) -> Floats:
    """Return each row's scores as shares that add up to 1."""
    raised: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


def sigmoid(logits: Floats) -> Floats:
    """Return logits as probabilities."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), dtype=np.float64)


def logit(probabilities: Floats) -> Floats:
    """Return probabilities as logits, those near 0 and 1 cut off at the edge."""
    inside = np.clip(probabilities, EDGE, 1 - EDGE)
    return np.asarray(np.log(inside / (1 - inside)), dtype=np.float64)


def stacked(views: Floats, stack: Floats) -> Floats:
    """Return the weighed logit of every prompt and model from the views' logits."""
    logits: Floats = np.einsum("pmv,mv->pm", views, stack[:, 1:]) + stack[:, 0]
    return logits
