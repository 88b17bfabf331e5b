"""The models that meet what does not depend on the request's own length: worked out once for many requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

import msgspec

from agents.routing.constraints import Needs
from agents.routing.expectations import Expectations
from agents.routing.fit import DEARER, Candidate, Offer, candidate_of, expected_of, standing_violations
from agents.routing.pieces import Piece, joined, piece_of
from agents.routing.units import usd
from schemas.registry import ModelRegistry

LENGTHS = 256
"""Rows remembered per shortlist; each has a hundred bytes or two per model."""


class Row(NamedTuple):
    """A candidate at one length of input, with nothing cached.

    Attributes:
        fits: Input and answer fit into the context window.
        offer: What it offers at the registry's quality.
        piece: The same as a decision says it, at any quality.
        expected: The same at the registry's quality.
    """

    name: str
    position: int
    fits: bool
    offer: Offer
    piece: Piece
    expected: bytes


class Rows(NamedTuple):
    """All candidates at one length of input, row by row and column by column, the cheapest first.

    Attributes:
        expected: All of them as a decision says it, at the registry's qualities and with nothing cached.
        template: The same with a place for each quality's text.
        pick: Takes each one's own out of a tuple in the order of the registry.
        priors: Qualities by the registry, in millionths.
        roomy: Input and answer fit into every context window.
        dearest: The highest of the costs.
        dearer: Why the models lose if they qualify and are not the cheapest, or do not qualify anyhow, by name.
    """

    rows: tuple[Row, ...]
    expected: msgspec.Raw
    template: bytes
    names: tuple[str, ...]
    pick: Callable[[tuple[int, ...]], tuple[int, ...]]
    offers: tuple[Offer, ...]
    priors: tuple[int, ...]
    roomy: bool
    dearest: int
    dearer: dict[str, str]


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

    def _rows(self, input_tokens: int) -> Rows:
        """Return what the candidates cost at this length, the cheapest first."""
        found = []
        for candidate in self.candidates:
            cost = candidate.cost(input_tokens)
            offer = Offer(cost, -candidate.prior, candidate.latency_ms, candidate.name, candidate)
            piece = piece_of(candidate.name, expected_of(candidate, candidate.prior, usd(cost), 0))
            fits = input_tokens <= candidate.room
            expected = piece.with_quality(candidate.prior)
            found.append(Row(candidate.name, candidate.position, fits, offer, piece, expected))
        found.sort(key=lambda row: row.offer.cost)
        names, positions, fits_, offers, pieces, _ = zip(*found, strict=True) if found else ((),) * len(Row._fields)
        return Rows(
            tuple(found),
            joined([row.expected for row in found]),
            b"{" + b",".join([piece.template() for piece in pieces]) + b"}",
            names,
            _picker(positions),
            offers,
            tuple(offer.quality for offer in offers),
            all(fits_),
            max((offer.cost for offer in offers), default=0),
            self.excluded | dict.fromkeys(names, DEARER),
        )


def _picker(positions: Sequence[int]) -> Callable[[tuple[int, ...]], tuple[int, ...]]:
    """Return what takes the values at these positions; for fewer than two, `itemgetter` returns no tuple."""
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda values: tuple([values[position] for position in positions])


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
