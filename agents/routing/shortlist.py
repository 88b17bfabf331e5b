"""The models that meet what does not depend on the request's own length: worked out once for many requests."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from agents.routing.constraints import Needs
from agents.routing.expectations import Expectations
from agents.routing.fit import Candidate, Offer, candidate_of, expected_of, standing_violations
from agents.routing.units import usd
from schemas.registry import ModelRegistry
from schemas.wire import ExpectedRecord

LENGTHS = 256
"""Rows remembered per shortlist; each has a hundred bytes or two per model."""


class Row(NamedTuple):
    """A candidate at one length of input, with nothing cached.

    Attributes:
        fits: Input and answer fit into the context window.
        offer: What it offers at the registry's quality.
        expected: The same as a decision says it.
    """

    name: str
    position: int
    fits: bool
    offer: Offer
    expected: ExpectedRecord


class Shortlist:
    """Who is left for these needs.

    Args:
        candidates: Who is left.
        excluded: Why each other model lost, by name.
    """

    def __init__(self, candidates: tuple[Candidate, ...], excluded: dict[str, str]) -> None:
        self.candidates = candidates
        self.excluded = excluded
        self.rows = lru_cache(LENGTHS)(self._rows)

    def _rows(self, input_tokens: int) -> tuple[Row, ...]:
        """Return what the candidates cost at this length, the cheapest first."""
        found = []
        for candidate in self.candidates:
            cost = candidate.cost(input_tokens)
            offer = Offer(cost, -candidate.prior, candidate.latency_ms, candidate.name, candidate)
            expected = expected_of(candidate, candidate.prior, usd(cost), 0)
            fits = input_tokens <= candidate.room
            found.append(Row(candidate.name, candidate.position, fits, offer, expected))
        return tuple(sorted(found, key=lambda row: row.offer.cost))


def shortlist_of(registry: ModelRegistry, expectations: Expectations, needs: Needs) -> Shortlist:
    """Return the shortlist for these needs."""
    candidates: list[Candidate] = []
    excluded: dict[str, str] = {}
    for position, spec in enumerate(registry):
        candidate = candidate_of(spec, position, needs, expectations)
        against = next(standing_violations(candidate, needs), None)
        if against is None:
            candidates.append(candidate)
        else:
            excluded[spec.name] = against.loss
    return Shortlist(tuple(candidates), excluded)
