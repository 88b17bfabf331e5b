"""The limits that a request passes: those of all its nested scopes, worked out once per chain of scopes."""

from __future__ import annotations

from typing import NamedTuple

from agents.governance.registry.places import Kind, label_of, place_of_fact
from agents.governance.registry.scopes import ScopeFact, Scopes
from schemas.tenant import TenantLimits

NS_PER_MINUTE = 60_000_000_000


class Gate(NamedTuple):
    """A rate limit of one scope.

    Attributes:
        key: Under which its state is kept.
        rate: Units per minute in the long run.
        interval: Between two units, in whole nanoseconds, rounded up so that no more than the rate passes.
        burst: Units that may come at once.
        rule: The field that sets it, such as `rates.requests_per_minute`.
        by: Whose rule it is.
        field: The request's field that names whose it is.
    """

    key: str
    rate: int
    interval: int
    burst: int
    rule: str
    by: str
    field: str


class Ceiling(NamedTuple):
    """A limit on requests in flight of one scope.

    Attributes:
        place: Where they are counted.
        limit: Most at a time.
        by: Whose rule it is.
        field: The request's field that names whose it is.
    """

    place: str
    limit: int
    by: str
    field: str


class Gates(NamedTuple):
    """All limits of a chain of scopes, the widest scope first.

    Attributes:
        places: Of all its scopes, limited or not: a limit that is set later must know what is in flight.
    """

    requests: tuple[Gate, ...]
    tokens: tuple[Gate, ...]
    ceilings: tuple[Ceiling, ...]
    places: tuple[str, ...]


def gates_of(scopes: Scopes) -> Gates:
    """Return the limits of a chain of scopes; an organization's older `limits` are among them."""
    requests = [_older(scopes.tenant.limits, scopes.tenant)]
    tokens, ceilings, places = [], [], []
    for fact in scopes.widest_first:
        rates, place = fact.rates, str(place_of_fact(fact))
        places.append(place)
        requests.append(_gate(fact, "rates.requests_per_minute", rates.requests_per_minute, rates.request_burst))
        tokens.append(_gate(fact, "rates.tokens_per_minute", rates.tokens_per_minute, rates.token_burst))
        if rates.in_flight is not None:
            ceilings.append(Ceiling(place, rates.in_flight, label_of(fact), _field(fact)))
    return Gates(_present(requests), _present(tokens), tuple(ceilings), tuple(places))


def _older(limits: TenantLimits, fact: ScopeFact) -> Gate | None:
    return _gate(fact, "limits.requests_per_minute", limits.requests_per_minute, limits.burst)


def _gate(fact: ScopeFact, rule: str, rate: int | None, burst: int | None) -> Gate | None:
    if rate is None:
        return None
    key = f"{place_of_fact(fact)} {rule}"
    return Gate(key, rate, -(-NS_PER_MINUTE // rate), burst or rate, rule, label_of(fact), _field(fact))


def _field(fact: ScopeFact) -> str:
    return "user" if place_of_fact(fact).kind is Kind.USER else "tenant"


def _present(gates: list[Gate | None]) -> tuple[Gate, ...]:
    return tuple(gate for gate in gates if gate is not None)
