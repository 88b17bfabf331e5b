"""What is told of the rules in force, and of who decided them."""

from __future__ import annotations

from decimal import Decimal

from agents.governance.policies.explanation import Holding, holdings
from schemas.policy import Budget, CacheMode, EncryptionMode, Period, Policy, Rates
from schemas.tenant import TenantLimits
from tests.unit.governance.scopes import chain


def test_each_rule_is_told_with_who_decided_it() -> None:
    found = holdings(
        chain(
            {
                "policy": Policy(allowed_models=("a", "b"), max_cost_usd=Decimal("0.5")),
                "limits": TenantLimits(max_input_tokens=500, requests_per_minute=600, burst=20),
                "rates": Rates(in_flight=100),
            },
            {"policy": Policy(allowed_models=("b",), cache=CacheMode.OFF)},
            {"policy": Policy(max_cost_usd=Decimal(1)), "rates": Rates(tokens_per_minute=60, token_burst=90)},
        )
    )
    assert found == [
        Holding("policy.allowed_models", ("b",), ("tenant acme", "team search")),
        Holding("policy.max_cost_usd", Decimal("0.5"), ("tenant acme",)),
        Holding("policy.cache", CacheMode.OFF, ("team search",)),
        Holding("limits.max_input_tokens", 500, ("tenant acme",)),
        Holding("limits.requests_per_minute", 600, ("tenant acme",)),
        Holding("limits.burst", 20, ("tenant acme",)),
        Holding("rates.tokens_per_minute", 60, ("user amara",)),
        Holding("rates.token_burst", 90, ("user amara",)),
        Holding("rates.in_flight", 100, ("tenant acme",)),
    ]


def test_budgets_of_all_scopes_are_told_and_of_encryption_what_the_organization_says() -> None:
    month = Budget(period=Period.MONTH, limit_usd=Decimal(250))
    day = Budget(period=Period.DAY, limit_usd=Decimal(5), hard=False)
    found = holdings(
        chain(
            {"policy": Policy(encryption=EncryptionMode.TENANT), "budgets": (month,)},
            {"policy": Policy(encryption=EncryptionMode.USER, retention_days=3), "budgets": (day,)},
        )
    )
    assert found == [
        Holding("policy.retention_days", 3, ("team search",)),
        Holding("policy.encryption", EncryptionMode.TENANT, ("tenant acme",)),
        Holding("budgets.month", "$250 hard", ("tenant acme",)),
        Holding("budgets.day", "$5 soft", ("team search",)),
    ]


def test_where_nobody_has_a_rule_nothing_is_told() -> None:
    assert holdings(chain(team={})) == []
