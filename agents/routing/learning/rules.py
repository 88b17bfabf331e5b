"""The rules that `asahi evaluate routing` compares: each scores prompts by what the strong model is worth there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.routing.learning.components import Floats
from agents.routing.learning.frontier import Pair
from streams.embedding import Vectors

NEIGHBOURS = 50
CHUNK = 512


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule on one set of prompts.

    Attributes:
        name: For people and programs.
        scores: The prompts with the highest go to the strong model.
        meaning: What it looks at, in a few words.
    """

    name: str
    scores: Floats
    meaning: str


def random_rule(pair: Pair) -> Rule:
    """All prompts alike: the straight line between the two models."""
    return Rule("random", np.zeros(len(pair)), "nothing: the expectation of chance")


def oracle(pair: Pair) -> Rule:
    """What the best possible rule would do: it knows both grades."""
    return Rule("oracle", pair.strong - pair.weak, "both grades: what nobody can know before")


def predicted(name: str, weak: Floats, strong: Floats, meaning: str) -> Rule:
    """By the predicted gain: probability that the strong model is right minus that of the weak one."""
    return Rule(name, strong - weak, meaning)


def nearest(vectors: Vectors, fitted: Vectors, pair: Pair) -> Rule:
    """By the mean gain over the nearest prompts of the fit half.

    Exact, by cosine similarity: for thousands of prompts that is faster than any index, and no rule of ours uses it.

    Args:
        vectors: Of the prompts to score, unit length.
        fitted: Of the prompts of the fit half, unit length.
        pair: The outcomes of those.
    """
    gains = pair.strong - pair.weak
    count = min(NEIGHBOURS, len(fitted))
    scores = []
    for start in range(0, len(vectors), CHUNK):
        similar = vectors[start : start + CHUNK] @ fitted.T
        places = np.argpartition(similar, len(fitted) - count, axis=1)[:, len(fitted) - count :]
        scores.append(gains[places].mean(axis=1))
    return Rule("neighbours", np.concatenate(scores), f"the mean of the {count} most similar prompts of the fit half")
