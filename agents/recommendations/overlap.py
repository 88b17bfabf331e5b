"""Recommendations about the same requests: what both would save cannot be saved twice."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from agents.recommendations.making import Finding
from schemas.prices import NOTHING
from schemas.recommendation import Overlap, RecommendationMade


def ranked(found: Sequence[Finding]) -> list[RecommendationMade]:
    """Return the recommendations that save most first, each with those about some of the same requests."""
    best_first = sorted(
        found, key=lambda one: (-one.made.saving_usd, -(one.made.at_stake_usd or NOTHING), one.made.kind, one.made.id)
    )
    keys = [np.unique(np.frombuffer(one.keys, dtype=np.uint64)) if one.keys else np.array([]) for one in best_first]
    told = []
    for place, one in enumerate(best_first):
        overlaps = [
            Overlap(id=other.made.id, requests=shared)
            for index, other in enumerate(best_first)
            if index != place and (shared := int(np.intersect1d(keys[place], keys[index]).size))
        ]
        told.append(one.made.model_copy(update={"overlaps": overlaps}))
    return told


def together(recommendations: Sequence[RecommendationMade]) -> tuple[Decimal, int]:
    """Return what can be saved together at least, and by how many of them: those that share no request.

    They are taken in the order given, so that the ones that save most come first.
    """
    taken: set[str] = set()
    total = NOTHING
    for one in recommendations:
        if one.saving_usd and not any(other.id in taken for other in one.overlaps):
            taken.add(one.id)
            total += one.saving_usd
    return total, len(taken)
