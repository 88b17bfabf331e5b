"""What is said of fields that are kept and not enforced."""

from __future__ import annotations

from decimal import Decimal

from agents.governance.enforcement import unenforced
from schemas.governance import TeamRegistered
from schemas.policy import Budget, CacheMode, Period, PersonalDataMode, Policy, Rates
from schemas.tenant import TenantRegistered


def test_what_is_enforced_is_not_named() -> None:
    policy = Policy(personal_data=PersonalDataMode.REDACT)
    assert unenforced(TenantRegistered(tenant="acme", reference_model="m", policy=policy)) == []


def test_what_is_only_kept_is_named() -> None:
    fact = TeamRegistered(
        tenant="acme",
        team="search",
        policy=Policy(cache=CacheMode.OFF, personal_data=PersonalDataMode.BLOCK),
        budgets=(Budget(period=Period.DAY, limit_usd=Decimal(5)),),
        rates=Rates(in_flight=3),
    )
    assert unenforced(fact) == ["policy.personal_data", "policy.cache", "budgets", "rates.in_flight"]
