"""How good the offers for one request are, by the request's own weights or by its lambda."""

from __future__ import annotations

from collections.abc import Sequence

from agents.routing.fit import Offer
from agents.routing.units import COST_UNITS


def scores(offers: Sequence[Offer], weights: tuple[float, float, float]) -> dict[str, float]:
    """Return each offer's score in [0, 1] by model name.

    Quality, cost and latency are spread over [0, 1] between the worst and the best of the offers, so that a weight
    means the same whatever the unit; where all are equal, all get 1. The score is the weighted mean. It says how
    the offers for one request compare, and nothing across requests.
    """
    total = sum(weights) or 1.0
    quality, cost, latency = (weight / total for weight in weights)
    good = _spread([float(offer.quality) for offer in offers])
    cheap = _spread([-float(offer.cost) for offer in offers])
    quick = _spread([-offer.latency_ms for offer in offers])
    return {offer.name: quality * good[i] + cost * cheap[i] + latency * quick[i] for i, offer in enumerate(offers)}


Ranked = tuple[int, Offer]
"""lambda * cost - quality of an offer in 10^-24, which is its utility, negative; and the offer."""


def by_utility(offers: Sequence[Offer], lambda_: int) -> list[Ranked]:
    """Return the offers with the best of quality - lambda * cost first; equal ones as equal costs are decided.

    Args:
        offers: What to compare.
        lambda_: Quality per US dollar in millionths.

    Whole numbers make a law of it: among the same offers, a higher lambda never takes a dearer one.
    """
    return sorted([(lambda_ * offer.cost + offer.flaw * COST_UNITS, offer) for offer in offers])


def _spread(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    if low == high:
        return [1.0] * len(values)
    return [(value - low) / (high - low) for value in values]
