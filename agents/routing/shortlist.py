"""The models that meet what does not depend on the request's own length: worked out once for many requests."""

from __future__ import annotations

from typing import NamedTuple

from agents.routing.constraints import RoutingConstraints
from agents.routing.expectations import Expectations
from agents.routing.fit import Candidate, candidate_of, standing_violations
from schemas.registry import ModelRegistry


class Shortlist(NamedTuple):
    """Who is left for these constraints.

    Attributes:
        candidates: In the order of the registry.
        excluded: Why each other model lost, by name.
    """

    candidates: tuple[Candidate, ...]
    excluded: dict[str, str]


def shortlist_of(registry: ModelRegistry, expectations: Expectations, constraints: RoutingConstraints) -> Shortlist:
    """Return the shortlist for these constraints."""
    candidates: list[Candidate] = []
    excluded: dict[str, str] = {}
    for position, spec in enumerate(registry):
        candidate = candidate_of(spec, position, constraints, expectations)
        against = next(standing_violations(candidate, constraints), None)
        if against is None:
            candidates.append(candidate)
        else:
            excluded[spec.name] = against.loss
    return Shortlist(tuple(candidates), excluded)
