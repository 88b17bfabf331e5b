from __future__ import annotations

from decimal import Decimal

from agents.governance.budgets.ledger import BudgetLedger, Payer
from agents.governance.budgets.standing import standings
from agents.governance.registry.places import Kind, Place
from schemas.balances import Balance, Balances
from schemas.governance import UserRegistered
from schemas.policy import Budget, Period
from schemas.tenant import TenantRegistered

NOW = 1_790_000_000.0
BUDGETS = (Budget(period=Period.DAY, limit_usd=Decimal(10)), Budget(period=Period.TOTAL, limit_usd=Decimal("12.50")))


def test_a_budget_is_told_by_scope_and_period() -> None:
    ledger = BudgetLedger(lambda place: ())
    ledger.spend(Payer("acme", user="amara"), Decimal("3.25"), NOW)
    ledger.spend(Payer("acme"), Decimal(1), NOW - 86_400)
    noted = {"acme": Balances(0, NOW, "acme", [], [Balance(Kind.TENANT, "acme", [], Decimal("0.5"))])}
    facts = (
        TenantRegistered(tenant="acme", reference_model="m", budgets=BUDGETS),
        UserRegistered(tenant="acme", user="amara", budgets=BUDGETS[:1]),
        TenantRegistered(tenant="quiet", reference_model="m", budgets=BUDGETS[1:]),
    )
    day, total, user, quiet = standings(facts, {"acme": ledger}, noted, NOW)
    assert (day.spent, day.reserved, day.left) == (Decimal("3.25"), Decimal("0.5"), Decimal("6.25"))
    assert (total.spent, total.renews_at) == (Decimal("4.25"), None)
    assert (user.place, user.spent, user.reserved) == (Place(Kind.USER, "acme", "amara"), Decimal("3.25"), Decimal(0))
    assert (quiet.spent, quiet.left) == (Decimal(0), Decimal("12.50"))
    assert day.document() == {
        "tenant": "acme",
        "scope": "tenant",
        "name": "acme",
        "period": "day",
        "hard": True,
        "limit_usd": "10",
        "spent_usd": "3.25",
        "reserved_usd": "0.5",
        "left_usd": "6.25",
        "period_began_at": "2026-09-21T00:00:00+00:00",
        "renews_at": "2026-09-22T00:00:00+00:00",
    }
    assert total.document()["period_began_at"] is None
