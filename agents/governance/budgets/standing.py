"""What every budget stands at, for people and programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agents.governance.budgets.ledger import BudgetLedger
from agents.governance.budgets.periods import renews_at, start_of
from agents.governance.registry.places import Fact, Place, place_of_fact
from schemas.balances import Balances
from schemas.policy import Budget
from schemas.prices import NOTHING
from schemas.wire import plain
from streams.stage import moment


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget.

    Attributes:
        start: When the present period began, in Unix seconds.
        spent: In it, in dollars.
        reserved: For requests under way, in dollars.
        renews_at: When the next period begins; None for the total.
    """

    place: Place
    budget: Budget
    start: int
    spent: Decimal
    reserved: Decimal
    renews_at: int | None

    @property
    def left(self) -> Decimal:
        """Return what may still be spent; negative where a budget is passed."""
        return self.budget.limit_usd - self.spent - self.reserved

    def document(self) -> dict[str, Any]:
        """Return it for programs; money is text, times are UTC."""
        return {
            "tenant": self.place.tenant,
            "scope": self.place.kind,
            "name": self.place.name,
            "period": self.budget.period,
            "hard": self.budget.hard,
            "limit_usd": plain(self.budget.limit_usd),
            "spent_usd": plain(self.spent),
            "reserved_usd": plain(self.reserved),
            "left_usd": plain(self.left),
            "period_began_at": moment(self.start).isoformat() if self.start else None,
            "renews_at": None if self.renews_at is None else moment(self.renews_at).isoformat(),
        }


def standings(
    facts: Iterable[Fact], ledger_of: Mapping[str, BudgetLedger], noted: Mapping[str, Balances], now: float
) -> Iterator[Standing]:
    """Yield what the budgets of these facts stand at.

    Args:
        facts: In the order wanted.
        ledger_of: What was spent, by organization.
        noted: What the writers noted last, by organization; it tells what is reserved.
        now: Unix seconds.
    """
    reserved = {
        (tenant, each.kind, each.name): each.reserved_usd for tenant, note in noted.items() for each in note.balances
    }
    for fact in facts:
        place = place_of_fact(fact)
        ledger = ledger_of.get(place.tenant)
        held = reserved.get((place.tenant, str(place.kind), place.name), NOTHING)
        for budget in fact.budgets:
            start = start_of(budget.period, now)
            spent = NOTHING if ledger is None else ledger.account(place).spent(budget.period, start)
            yield Standing(place, budget, start, spent, held, renews_at(budget.period, now))
