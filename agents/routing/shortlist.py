"""The models that meet what does not depend on the input's length: worked out once for many requests."""

from __future__ import annotations

from typing import NamedTuple

from agents.routing.constraints import RoutingConstraints
from agents.routing.fit import Candidate, candidate_of, standing_violations
from schemas.registry import ModelRegistry, Price
from schemas.wire import plain


class Shortlist(NamedTuple):
    """Who is left for these constraints.

    Attributes:
        candidates: The better first, then the faster, then by name: the order in which equal costs are decided.
        excluded: Why each other model lost, by name.
        rates: What each candidate charges, in words, by name.
    """

    candidates: tuple[Candidate, ...]
    excluded: dict[str, str]
    rates: dict[str, str]


def shortlist_of(registry: ModelRegistry, constraints: RoutingConstraints) -> Shortlist:
    """Return the shortlist for these constraints."""
    candidates: list[Candidate] = []
    excluded: dict[str, str] = {}
    for spec in registry:
        candidate = candidate_of(spec, constraints)
        against = next(standing_violations(candidate, constraints), None)
        if against is None:
            candidates.append(candidate)
        else:
            excluded[spec.name] = against.loss
    candidates.sort(key=lambda one: (-one.quality, one.latency_ms, one.spec.name))
    rates = {candidate.spec.name: _rates(candidate.spec.price) for candidate in candidates}
    return Shortlist(tuple(candidates), excluded, rates)


def _rates(price: Price) -> str:
    per_request = "" if price.per_request is None else f" and {plain(price.per_request)} per request"
    return f"costs {plain(price.input)} in, {plain(price.output)} out per million{per_request}"
