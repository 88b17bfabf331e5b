"""All candidates for one request at a glance: what each offers, who qualifies, and why the others do not.

This is the one loop that runs for every model and request, and it is written for that: it says the same as
`offers_of` and `violations`, which explain, in a third of the time. A test holds it to them.
"""

from __future__ import annotations

from typing import NamedTuple

from agents.routing.constraints import RoutingConstraints
from agents.routing.fit import BY_REQUEST, Offer, expected_of, poor
from agents.routing.prospect import UNKNOWN, Prospect
from agents.routing.shortlist import Shortlist
from agents.routing.units import QUALITY_UNITS, usd
from schemas.wire import ExpectedRecord

NOTHING_WARM: dict[str, int] = {}
_new = tuple.__new__


class Survey(NamedTuple):
    """Who competes for a request.

    Attributes:
        ranked: The offers that qualify, as equal ones are decided.
        expected: What is expected of every candidate, by name.
        lost: Why the other models do not qualify, by name.
    """

    ranked: list[Offer]
    expected: dict[str, ExpectedRecord]
    lost: dict[str, str]


def survey(shortlist: Shortlist, constraints: RoutingConstraints, prospect: Prospect) -> Survey:
    """Look at all candidates of a shortlist for one request."""
    tokens, qualities, warm = prospect
    warm_by = dict(warm) if warm else NOTHING_WARM
    least, most = constraints.least_quality, constraints.most_cost
    ranked: list[Offer] = []
    expected: dict[str, ExpectedRecord] = {}
    lost = shortlist.excluded.copy()
    for name, position, fits, usual, usually in shortlist.rows(tokens):
        offer, record = usual, usually
        if qualities is not None and (quality := qualities[position]) != UNKNOWN:
            cost, _, latency, _, candidate, _ = usual
            offer = _new(Offer, (cost, -quality, latency, name, candidate, 0))
            record = ExpectedRecord(
                quality / QUALITY_UNITS, usually.cost_usd, 0, usually.output_tokens, usually.calls
            )
        if name in warm_by and offer.candidate.cached_discount:
            offer, record = _warm(offer, min(warm_by[name], tokens), tokens)
        expected[name] = record
        if -offer[1] < least:
            lost[name] = poor(-offer[1], least)
        elif fits and (most is None or offer[0] <= most):
            ranked.append(offer)
        else:
            found = (check(offer, constraints, tokens) for check in BY_REQUEST)
            lost[name] = next(violation.loss for violation in found if violation is not None)
    ranked.sort()
    return Survey(ranked, expected, lost)


def _warm(offer: Offer, cached: int, tokens: int) -> tuple[Offer, ExpectedRecord]:
    """Return an offer, and what a decision says of it, where the provider has the input's beginning cached."""
    cost = offer.candidate.cost(tokens, cached)
    warm = offer._replace(cost=cost, cached=cached)
    return warm, expected_of(offer.candidate, offer.quality, usd(cost), cached)
