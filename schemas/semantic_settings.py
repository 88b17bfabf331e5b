"""How answers are found for questions in other words: the section `semantic` of the configuration."""

from __future__ import annotations

from pathlib import Path

from schemas.model import Fraction
from schemas.section import Count, Section


class SemanticSettings(Section):
    """How answers are found for questions in other words.

    Attributes:
        enabled: Whether workers compare questions; who is served such answers is up to `policy.semantic_error_bound`.
        verifier: Folder of a verifier that `asahi evaluate cache --fit` made; the shipped one when absent.
        candidates: Nearest questions that are verified.
        least_similarity: Cosine of the embeddings below which a question is no candidate.
        max_characters: Of the longest question that is compared.
        checked_share: Of the questions that could be served so, how many a model is asked all the same, to compare.
        checked_in_doubt: The same while wrong hits of an organization are not made up for by right ones.
    """

    enabled: bool = False
    verifier: Path | None = None
    candidates: Count = 3
    least_similarity: Fraction = 0.8
    max_characters: Count = 2_000
    checked_share: Fraction = 0.02
    checked_in_doubt: Fraction = 0.5
