"""Decisions that explain themselves: the rule, one sentence, what is expected, and why each other model lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.routing.scores import Offer
from schemas.wire import Choice, plain


def cheapest(ranked: Sequence[Offer], rates: Mapping[str, str], lost: dict[str, str]) -> Choice:
    """Return the decision for the first of the offers, ranked by cost.

    Args:
        ranked: The offers, cheapest first.
        rates: What each model charges, in words.
        lost: Why other models made no offer; the losing offers are added.
    """
    winner = ranked[0]
    for other in ranked[1:]:
        lost[other.name] = rates[other.name] if other.cost > winner.cost else _no_cheaper(winner, other)
    reason = f"{winner.name} is the cheapest {_among(ranked)}."
    return _choice("cheapest_meeting_constraints", reason, winner, lost)


def best(ranked: Sequence[Offer], scored: Mapping[str, float], lost: dict[str, str]) -> Choice:
    """Return the decision for the first of the offers, ranked by score."""
    winner = ranked[0]
    score = scored[winner.name]
    for other in ranked[1:]:
        lost[other.name] = f"score {scored[other.name]:.3f}, not {score:.3f}"
    reason = f"{winner.name} scores best ({score:.3f}) by the request's weights {_among(ranked)}."
    return _choice("best_by_weights", reason, winner, lost)


def named(offer: Offer) -> Choice:
    """Return the decision for a model the request names: nobody competed, so nobody lost."""
    return _choice("explicit_model", f"The request names {offer.name}.", offer, {})


def _among(ranked: Sequence[Offer]) -> str:
    if len(ranked) == 1:
        return "as the only model that meets the constraints"
    return f"of {len(ranked)} models that meet the constraints"


def _choice(rule: str, reason: str, winner: Offer, lost: dict[str, str]) -> Choice:
    return Choice(rule, reason, plain(winner.cost.normalize()), winner.candidate.quality, lost)


def _no_cheaper(winner: Offer, other: Offer) -> str:
    """Return what decided between equal costs."""
    ours, theirs = winner.candidate, other.candidate
    if theirs.quality < ours.quality:
        return f"costs the same, quality {theirs.quality:g}, not {ours.quality:g}"
    if theirs.latency_ms > ours.latency_ms:
        return f"costs the same, takes {theirs.latency_ms:g} ms, not {ours.latency_ms:g}"
    return "the same in all, later by name"
