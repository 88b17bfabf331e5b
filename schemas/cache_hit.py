"""Where an answer came from that no model was asked for: `cache` of a result."""

from __future__ import annotations

from schemas.model import Value

SEMANTIC = "semantic"
"""Tier of answers to questions in other words."""


class CacheHit(Value):
    """Where a cached answer came from.

    Attributes:
        tier: `exact`, `shared_flight` for an identical request that was being answered, or `semantic` for a question
            in other words.
        source_request_id: The request whose call was paid for.
        age_seconds: Since that answer was given.
        similarity: Of both questions, as the cosine of their embeddings; of semantic hits only.
        probability: That both questions may share an answer; of semantic hits only.
        error_bound: Share of such answers that may be wrong, as the policy said; of semantic hits only.
    """

    tier: str
    source_request_id: str
    age_seconds: float
    similarity: float | None = None
    probability: float | None = None
    error_bound: float | None = None
