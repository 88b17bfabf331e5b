"""All candidates for one request at a glance: what each offers, who qualifies, and why the others do not.

This is the one loop that runs for every model and request, and it is written for that: it says the same as
`offers_of` and `violations`, which explain, in a fraction of the time. A test holds it to them.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from agents.routing.constraints import RoutingConstraints
from agents.routing.fit import BY_REQUEST, TOO_POOR, Offer, expected_of, written_of
from agents.routing.pieces import joined, piece_of
from agents.routing.prospect import UNKNOWN, Prospect
from agents.routing.shortlist import Shortlist
from agents.routing.units import usd

NOTHING_WARM: dict[str, int] = {}
_new = tuple.__new__


class Survey(NamedTuple):
    """Who competes for a request.

    Attributes:
        ranked: The offers that qualify, as equal ones are decided; of many perhaps only the first, see `leaders`.
        qualified: How many qualify.
        expected: What is expected of every candidate, as a decision says it.
        lost: Why the other models do not qualify, by name.
    """

    ranked: list[Offer]
    qualified: int
    expected: msgspec.Raw
    lost: dict[str, str]


def survey(shortlist: Shortlist, constraints: RoutingConstraints, prospect: Prospect) -> Survey:
    """Look at all candidates of a shortlist for one request."""
    tokens, qualities, warm, marked = prospect
    warm_by = dict(warm) if warm else NOTHING_WARM
    least, most = constraints.least_quality, constraints.most_cost
    ranked: list[Offer] = []
    members: list[bytes] = []
    lost = shortlist.excluded.copy()
    rows = shortlist.rows(tokens)
    for name, position, fits, usual, piece, usually in rows.rows:
        offer, shown = usual, usually
        quality = -usual[1]
        if qualities is not None and (told := qualities[position]) != UNKNOWN:
            quality, shown = told, piece.with_quality(told)
            if quality >= least:
                offer = _new(Offer, (usual[0], -quality, usual[2], name, usual[4], 0))
        cached = min(warm_by[name], tokens) if name in warm_by and usual[4].cached_discount else 0
        written = written_of(usual[4], tokens, cached, marked) if marked else 0
        if cached or written:
            offer, shown = _caching(usual, quality, tokens, cached, written)
        members.append(shown)
        if quality < least:
            lost[name] = TOO_POOR
        elif fits and (most is None or offer[0] <= most):
            ranked.append(offer)
        else:
            found = (check(offer, constraints, tokens) for check in BY_REQUEST)
            lost[name] = next(violation.loss for violation in found if violation is not None)
    ranked.sort()
    expected = rows.expected if qualities is None and not warm_by and not marked else joined(members)
    return Survey(ranked, len(ranked), expected, lost)


def _caching(usual: Offer, quality: int, tokens: int, cached: int, written: int) -> tuple[Offer, bytes]:
    """Return an offer, and what a decision says of it, where the provider caches the input's beginning."""
    cost = usual.candidate.cost(tokens, cached, written)
    warm = usual._replace(cost=cost, flaw=-quality, cached=cached)
    piece = piece_of(usual.name, expected_of(usual.candidate, quality, usd(cost), cached))
    return warm, piece.with_quality(quality)
