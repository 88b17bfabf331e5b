"""All candidates for one request at a glance: what each offers, who qualifies, and why the others do not.

This is the one loop that runs for every model and request, and it is written for that: it says the same as
`offers_of` and `violations`, which explain, in a third of the time. A test holds it to them.
"""

from __future__ import annotations

from typing import NamedTuple

from agents.routing.constraints import RoutingConstraints
from agents.routing.fit import BY_REQUEST, Offer, poor
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
    for candidate, name, position, prior, latency, fits, fresh, fresh_text, learned, calls in shortlist.rows(tokens):
        quality, cost, text, cached = prior, fresh, fresh_text, 0
        if qualities is not None and qualities[position] != UNKNOWN:
            quality = qualities[position]
        if warm_by and name in warm_by and candidate.cached_discount:
            cached = min(warm_by[name], tokens)
            cost = candidate.cost(tokens, cached)
            text = usd(cost)
        expected[name] = ExpectedRecord(quality / QUALITY_UNITS, text, cached, learned, calls)
        if quality < least:
            lost[name] = poor(quality, least)
            continue
        offer = _new(Offer, (cost, -quality, latency, name, candidate, cached))
        if fits and (most is None or cost <= most):
            ranked.append(offer)
        else:
            found = (check(offer, constraints, tokens) for check in BY_REQUEST)
            lost[name] = next(violation.loss for violation in found if violation is not None)
    ranked.sort()
    return Survey(ranked, expected, lost)
