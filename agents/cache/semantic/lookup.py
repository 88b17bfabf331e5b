"""Looking questions up among those that were asked: the nearest few, of which the verifier takes the likeliest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from agents.cache.semantic.found import Found, accepted
from agents.cache.semantic.verifier import Question, Verifier
from agents.cache.vectors.protocol import VectorDatabase, Vectors

CANDIDATES = 5
"""Neighbours that are verified. On the recorded pairs a sixth is accepted for one question in 3,000."""
NUMBERS = re.compile(r"\d[\d.,]*")
BATCH = 2048
"""Questions looked up at a time: some 10,000 pairs."""


def numbers(text: str) -> list[str]:
    """Return the numbers in digits, in order of size as texts; commas part thousands."""
    return sorted(number.replace(",", "").rstrip(".") for number in NUMBERS.findall(text))


def told_apart(one: list[str], other: list[str]) -> bool:
    """Return whether two questions have as many numbers in digits, and not the same ones.

    It is all that tells the requests of one template from each other, most often, and costs a tenth of reading them.
    """
    return len(one) == len(other) and one != other


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
    hurried: bool = False,
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
        hurried: Whether entries with other numbers are passed over: the verifier hardly takes one for the same.
    """
    asked = [numbers(question.text) for question in questions] if hurried else []
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
            and not (hurried and told_apart(asked[start + place], numbers(entries[neighbour.key].text)))
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
