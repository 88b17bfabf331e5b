"""Inserts one side of pairs, looks the other up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.found import Found
from agents.cache.semantic.lookup import look_up
from agents.cache.semantic.verifier import Question, Verifier
from agents.cache.vectors.exact import ExactVectors
from streams.embedding import EmbeddingEngine

BATCH = 8192


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of each pair.

    Attributes:
        pair_probability: That its two questions may share an answer.
        found: What the look-up of its second question found among all first ones.
    """

    pair_probability: NDArray[np.float64]
    found: list[Found | None]


def measure(
    firsts: Sequence[str], seconds: Sequence[str], verifier: Verifier, engine: EmbeddingEngine, delta: float
) -> Measured:
    """Insert every first question, look up every second one.

    Args:
        firsts: To insert; the keys are their rows.
        seconds: To look up, as many.
        verifier: Judges pairs.
        engine: The embedding it was fitted with.
        delta: Error bound of a hit.
    """
    inserted, asked = ([Question(text) for text in texts] for texts in (firsts, seconds))
    vectors, queries = engine.embed(firsts), engine.embed(seconds)
    own = [
        verifier.probabilities(
            inserted[start : start + BATCH],
            asked[start : start + BATCH],
            (vectors[start : start + BATCH], queries[start : start + BATCH]),
        )
        for start in range(0, len(inserted), BATCH)
    ]
    keys = [str(row) for row in range(len(inserted))]
    index = ExactVectors(engine.dimensions)
    index.add(keys, vectors)
    found = look_up(asked, queries, dict(zip(keys, inserted, strict=True)), index, verifier, [delta] * len(asked))
    return Measured(np.concatenate(own), found)
