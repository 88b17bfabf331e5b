"""Looking questions up among those that were asked: the nearest few, of which the verifier takes the likeliest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from agents.cache.semantic.found import Found, accepted
from agents.cache.semantic.verifier import Question, Verifier
from agents.cache.vectors.protocol import VectorDatabase, Vectors

CANDIDATES = 5
"""Neighbours that are verified. On the recorded pairs a sixth is accepted for one question in 3,000."""
BATCH = 2048
"""Questions looked up at a time: some 10,000 pairs."""


def look_up(
    questions: Sequence[Question],
    vectors: Vectors,
    entries: Mapping[str, Question],
    index: VectorDatabase,
    verifier: Verifier,
    deltas: Sequence[float],
    *,
    candidates: int = CANDIDATES,
    least_similarity: float = -1.0,
) -> list[Found | None]:
    """Return the likeliest of the nearest entries for each question; None where there is no entry.

    Args:
        questions: What is asked.
        vectors: Embeddings of their texts.
        entries: Questions by the keys of the index.
        index: Of the embeddings of the entries.
        verifier: Judges the candidates.
        deltas: Most probable error of a hit, for each question.
        candidates: Nearest entries that are verified.
        least_similarity: Cosine below which an entry is not verified.
    """
    found: list[Found | None] = []
    for start in range(0, len(questions), BATCH):
        some, bounds = questions[start : start + BATCH], deltas[start : start + BATCH]
        embedded = vectors[start : start + BATCH]
        near = index.nearest(embedded, candidates)
        pairs = [
            (place, neighbour)
            for place, neighbours in enumerate(near)
            for neighbour in neighbours
            if neighbour.similarity >= least_similarity
        ]
        best: list[Found | None] = [None] * len(some)
        if pairs:
            places, others = [place for place, _ in pairs], [entries[neighbour.key] for _, neighbour in pairs]
            chances = verifier.probabilities(
                [some[place] for place in places],
                others,
                similarity=np.array([neighbour.similarity for _, neighbour in pairs], dtype=np.float32),
            ).tolist()
            for (place, neighbour), chance in zip(pairs, chances, strict=True):
                held = best[place]
                if held is None or chance > held.probability:
                    hit = accepted(chance, bounds[place])
                    best[place] = Found(neighbour.key, neighbour.similarity, chance, hit)
        found += best
    return found
