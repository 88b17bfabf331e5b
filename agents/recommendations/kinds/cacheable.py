"""Questions paid for again although an answer was there: directives, times to live or policies forbade it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from agents.recommendations.cases import Case, Cases
from agents.recommendations.contents import REPEATED
from agents.recommendations.kind import Kind
from agents.recommendations.making import About, Finding, Said, finding
from agents.recommendations.tally import Tally
from agents.recommendations.terms import Terms
from schemas.policy import CacheMode
from schemas.prices import NOTHING
from schemas.recommendation import Confidence
from schemas.request import CacheDirective, CacheOptions
from schemas.tenant import TenantRegistered

NAME = "cacheable"
LONGER = (3_600.0, 86_400.0, 604_800.0, 2_592_000.0)
"""Times to live that are tried, in seconds: an hour, a day, a week, 30 days."""
UNITS = {3_600.0: "an hour", 86_400.0: "a day", 604_800.0: "a week", 2_592_000.0: "30 days"}
OWN_TTL = "cache.ttl_seconds"
TENANT_TTL = "cache_ttl_seconds"
POLICY = "policy.cache of "


class _Entry(NamedTuple):
    """An answer: who asks later than `asked_at` may have it, waiting for it until `filled_at`, both in Unix seconds.

    Attributes:
        cache: What the request said of it.
    """

    asked_at: float
    filled_at: float
    cache: CacheOptions


@dataclass(slots=True)
class _Shelf:
    """A cache replayed over the logged times, in which one cause does not hold.

    Attributes:
        cause: What is taken away.
        ttl: The tenant's time to live instead, where that is the cause.
    """

    cause: str = ""
    ttl: float | None = None
    entries: dict[str, _Entry] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    def take(self, case: Case, question: str, cause: str, kept: bool) -> None:
        """Serve a request if the change lets it be served; otherwise it is called, as it was."""
        mine = bool(self.cause) and cause == self.cause
        if mine and self.holds(case, question):
            self.tally.add(case, NOTHING)
        elif kept and (mine or fills(case)):
            self.entries[question] = _Entry(case.received, case.completed, case.request.cache)

    def holds(self, case: Case, question: str) -> bool:
        """Return whether an answer is there for this request, or under way."""
        entry = self.entries.get(question)
        if entry is None:
            return False
        ttl = min(self._ttl(case.tenant, entry.cache), self._ttl(case.tenant, case.request.cache))
        return entry.asked_at <= case.received < entry.filled_at + ttl

    def _ttl(self, tenant: TenantRegistered, cache: CacheOptions) -> float:
        if self.ttl is not None:
            tenant = tenant.model_copy(update={"cache_ttl_seconds": self.ttl})
        return tenant.answer_ttl(CacheOptions() if self.cause == OWN_TTL else cache)


@dataclass(slots=True)
class _Tenant:
    """The caches of one tenant: as it was, and without each cause that was met."""

    looked_at: int = 0
    as_it_was: _Shelf = field(default_factory=_Shelf)
    shelves: dict[tuple[str, float | None], _Shelf] = field(default_factory=dict)

    def take(self, case: Case, question: str, kept: bool) -> None:
        self.looked_at += 1
        cause = self._cause(case, question)
        for ttl in ttls(case) if cause == TENANT_TTL else (None,):
            if cause and (cause, ttl) not in self.shelves:
                self.shelves[cause, ttl] = _Shelf(cause, ttl, dict(self.as_it_was.entries))
        for shelf in (self.as_it_was, *self.shelves.values()):
            shelf.take(case, question, cause, kept)

    def _cause(self, case: Case, question: str) -> str:
        """Return why a request was not served; empty where nothing that can be changed stood against it."""
        directive, mode = case.request.cache.directive, case.policy.cache
        forbidden = mode is not None and mode.value is not CacheMode.USE
        if directive in (CacheDirective.BYPASS, CacheDirective.REFRESH):
            return "" if forbidden else f"cache.directive {directive}"
        if forbidden and mode is not None:
            return f"{POLICY}{mode.by}"
        if question not in self.as_it_was.entries or self.as_it_was.holds(case, question):
            return ""  # asked for the first time, or answered and dropped for want of room
        own = case.request.cache.ttl_seconds
        return TENANT_TTL if own is None or own >= case.tenant.cache_ttl_seconds else OWN_TTL


class Cacheable:
    """Replays the fingerprints of requests over the times at which they were asked."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._tenants: dict[str, _Tenant] = {}

    def add(self, facts: Cases) -> None:
        """Take in requests whose content was asked more than once."""
        caching = self._terms.caching
        for case in facts:
            tenant = self._tenants.setdefault(case.request.tenant, _Tenant())
            tenant.take(case, caching.question(case), caching.keeps(case))

    def found(self) -> list[Finding]:
        """Return one recommendation per tenant and cause."""
        found = [
            self._made(name, tenant, shelf)
            for name, tenant in self._tenants.items()
            for shelf in _shortest(tenant.shelves.values())
        ]
        return [one for one in found if one is not None]

    def _made(self, tenant: str, held: _Tenant, shelf: _Shelf) -> Finding | None:
        count = len(shelf.tally)
        return finding(
            NAME,
            About(tenant, part=shelf.cause),
            Said(
                f"{count:,} requests asked to the byte what had been answered, and were paid for again because of "
                f"{shelf.cause}.",
                _change(tenant, shelf),
                Confidence.RECORDED,
                {
                    "would have been served": f"{count:,} of {held.looked_at:,} paid requests with repeated content",
                    "because of": shelf.cause,
                }
                | ({"time to live": f"{shelf.ttl:,.0f} s"} if shelf.ttl else {}),
                {},
            ),
            shelf.tally,
            self._terms,
            looked_at=held.looked_at,
        )


def fills(case: Case) -> bool:
    """Return whether the answer to a request was kept, as far as its directive and policy say."""
    if case.request.cache.directive is CacheDirective.BYPASS:
        return False
    return case.policy.cache_mode is CacheMode.USE


def ttls(case: Case) -> tuple[float, ...]:
    """Return the longer times to live that are tried for a tenant."""
    return tuple(ttl for ttl in LONGER if ttl > case.tenant.cache_ttl_seconds)


def _shortest(shelves: Iterable[_Shelf]) -> list[_Shelf]:
    """Return the shelves of each cause; of several times to live the shortest of those that save most."""
    best: dict[str, _Shelf] = {}
    for shelf in shelves:
        known = best.get(shelf.cause)
        if known is None or shelf.tally.saving > known.tally.saving:
            best[shelf.cause] = shelf
    return list(best.values())


def _change(tenant: str, shelf: _Shelf) -> str:
    if shelf.cause == TENANT_TTL and shelf.ttl is not None:
        return (
            f"asahi governance tenants set {tenant} --set cache_ttl_seconds={shelf.ttl:.0f} "
            f'--reason "answers hold for {UNITS[shelf.ttl]}"'
        )
    if shelf.cause.startswith(POLICY):
        kind, _, name = shelf.cause.removeprefix(POLICY).partition(" ")
        whose = f"{name}" if kind == "tenant" else f"{name} --tenant {tenant}"
        return (
            f"asahi governance {kind}s set {whose} --set policy.cache=use "
            '--reason "answers may be served again"  # if no rule of yours forbids to keep answers'
        )
    if shelf.cause == OWN_TTL:
        return f'in these requests, leave out "ttl_seconds" of "cache": then the tenant\'s {TENANT_TTL} holds'
    return 'in these requests, leave out "directive" of "cache", where the same answer will do'


CACHEABLE = Kind(NAME, "questions paid for again", Cacheable, cases=REPEATED)
