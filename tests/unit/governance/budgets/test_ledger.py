"""The ledger's law: whatever comes, and however often it is rebuilt, its figures are those of the facts."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agents.governance.budgets.ledger import BudgetLedger, Payer, Reservation
from agents.governance.registry.places import Kind, Place
from schemas.balances import Balance
from schemas.policy import Budget, Period

NOW = 1_790_000_000.0
HOLD = 100.0
ORGANIZATION, USER = Place(Kind.TENANT, "acme", "acme"), Place(Kind.USER, "acme", "amara")
PAYERS = (Payer("acme"), Payer("acme", user="amara"), Payer("acme", "search", "amara", "k7f3m2q9"))
LIMITS = {ORGANIZATION: Decimal(20), USER: Decimal(12)}

names = st.integers(0, 12).map(lambda number: f"acme\x00r{number}")
dollars = st.integers(0, 8).map(Decimal)


def budgets_of(place: Place) -> tuple[Budget, ...]:
    limit = LIMITS.get(place)
    return () if limit is None else (Budget(period=Period.TOTAL, limit_usd=limit),)


class Races(RuleBasedStateMachine):
    """Requests come, come again, end, expire and are settled late; the writer dies and another takes over."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.ledger = BudgetLedger(budgets_of)
        self.open: dict[str, Reservation] = {}
        self.known: dict[str, Reservation] = {}
        self.settled: list[tuple[Payer, Decimal]] = []

    @rule(name=names, payer=st.sampled_from(PAYERS), usd=dollars)
    def comes(self, name: str, payer: Payer, usd: Decimal) -> None:
        if name in self.known and name not in self.open:
            return  # it has ended: its result comes again, and the ledger hears of nothing
        before = {place: self.counted(place) for place in LIMITS}
        reservation = Reservation(usd, payer, self.now + HOLD)
        exceeded = self.ledger.reserve(name, reservation, self.now)
        if name in self.open:
            assert not exceeded, "it is under way"
            return
        counts = [ORGANIZATION] + ([USER] if payer.user else [])
        assert {one.place for one in exceeded} == {
            place for place in counts if before[place] + usd > LIMITS[place]
        }, "a request is refused if and only if it might pass a hard budget"
        if not exceeded:
            self.open[name] = self.known[name] = reservation

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.sampled_from((Decimal(0), Decimal("0.25"), Decimal(1))))
    def ends(self, data: st.DataObject, share: Decimal) -> None:
        name = data.draw(st.sampled_from(sorted(self.open)))
        held = self.open.pop(name)
        self.spend(held.payer, held.usd * share)  # nothing of it: a cache hit, a failure
        assert self.ledger.release(name) == held
        assert self.ledger.release(name) is None, "the second result of a request releases nothing"

    @rule(seconds=st.sampled_from((1.0, HOLD / 2, HOLD)))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds
        late = {name: held for name, held in self.open.items() if held.expires_at <= self.now}
        assert dict(self.ledger.expire(self.now)) == late
        for name in late:
            del self.open[name]

    @rule(wire=st.booleans())
    def the_writer_dies(self, wire: bool) -> None:
        note = self.ledger.note("acme")
        if wire:
            note = msgspec.json.decode(msgspec.json.encode(note), type=list[Balance])
        self.ledger = BudgetLedger(budgets_of)
        self.ledger.restore("acme", note)
        for name, held in self.open.items():
            self.ledger.hold(name, held)
            self.ledger.hold(name, held)

    def spend(self, payer: Payer, usd: Decimal) -> None:
        self.settled.append((payer, usd))
        self.ledger.spend(payer, usd, self.now)

    def counted(self, place: Place) -> Decimal:
        account = self.ledger.account(place)
        return account.spent(Period.TOTAL, 0) + account.reserved

    @invariant()
    def figures_are_those_of_the_facts(self) -> None:
        for place in LIMITS:
            account = self.ledger.account(place)
            counts = [payer for payer in PAYERS if place is ORGANIZATION or payer.user]
            assert account.spent(Period.TOTAL, 0) == sum(usd for payer, usd in self.settled if payer in counts)
            assert account.reserved == sum(held.usd for held in self.open.values() if held.payer in counts)
            assert account.spent(Period.TOTAL, 0) <= LIMITS[place], "estimates were upper bounds"


TestRaces = Races.TestCase
