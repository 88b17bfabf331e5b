"""What a look-up found, and when it is a hit."""

from __future__ import annotations

from dataclasses import dataclass


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
