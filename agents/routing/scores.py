"""What qualified models offer for one request, and how good that is by the request's own weights."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from agents.routing.fit import Candidate


class Offer(NamedTuple):
    """A candidate with its expected cost for one length of input, in US dollars."""

    cost: Decimal
    name: str
    candidate: Candidate


by_cost = itemgetter(0)
"""Sort key. Sorting is stable, so equal costs keep the order of the shortlist."""


def scores(offers: Sequence[Offer], weights: tuple[float, float, float]) -> dict[str, float]:
    """Return each offer's score in [0, 1] by model name.

    Quality, cost and latency are spread over [0, 1] between the worst and the best of the offers, so that a weight
    means the same whatever the unit; where all are equal, all get 1. The score is the weighted mean. It says how
    the offers for one request compare, and nothing across requests.
    """
    total = sum(weights) or 1.0
    quality, cost, latency = (weight / total for weight in weights)
    good = _spread([offer.candidate.quality for offer in offers])
    cheap = _spread([-float(offer.cost) for offer in offers])
    quick = _spread([-offer.candidate.latency_ms for offer in offers])
    return {offer.name: quality * good[i] + cost * cheap[i] + latency * quick[i] for i, offer in enumerate(offers)}


def _spread(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    if low == high:
        return [1.0] * len(values)
    return [(value - low) / (high - low) for value in values]
