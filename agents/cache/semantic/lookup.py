"""Looking questions up among those that were asked: the nearest few, of which the verifier takes the likeliest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.cache.semantic.verifier import Question, Verifier
from agents.cache.vectors.protocol import VectorDatabase, Vectors

CANDIDATES = 5
"""Neighbours that are verified. On the recorded pairs a sixth is accepted for one question in 3,000."""
BATCH = 2048
"""Questions looked up at a time: some 10,000 pairs."""


@dataclass(frozen=True, slots=True)
class Found:
    """The likeliest candidate for a question.

    Attributes:
        key: Of the entry.
        similarity: Of the embeddings.
        probability: That both may share an answer.
        hit: Whether that is enough for the bound.
    """

    key: str
    similarity: float
    probability: float
    hit: bool


def accepted(probability: float, delta: float) -> bool:
    """Return whether a candidate is a hit at an error bound: each hit is wrong with probability delta at most.

    The bound holds for every hit by itself, so it holds for all of them together, whatever is asked.
    """
    return probability >= 1 - delta


def look_up(
    questions: Sequence[Question],
    vectors: Vectors,
    entries: Mapping[str, Question],
    index: VectorDatabase,
    verifier: Verifier,
    delta: float,
) -> list[Found | None]:
    """Return the likeliest of the nearest entries for each question; None where there is no entry.

    Args:
        questions: What is asked.
        vectors: Embeddings of their texts.
        entries: Questions by the keys of the index.
        index: Of the embeddings of the entries.
        verifier: Judges the candidates.
        delta: Most probable error of a hit.
    """
    found: list[Found | None] = []
    for start in range(0, len(questions), BATCH):
        some = questions[start : start + BATCH]
        near = index.nearest(vectors[start : start + BATCH], CANDIDATES)
        owners = [place for place, neighbours in enumerate(near) for _ in neighbours]
        flat = [neighbour for neighbours in near for neighbour in neighbours]
        chances = verifier.probabilities(
            [some[owner] for owner in owners], [entries[neighbour.key] for neighbour in flat]
        ).tolist()
        best: list[Found | None] = [None] * len(some)
        for owner, neighbour, chance in zip(owners, flat, chances, strict=True):
            held = best[owner]
            if held is None or chance > held.probability:
                best[owner] = Found(neighbour.key, neighbour.similarity, chance, accepted(chance, delta))
        found += best
    return found
