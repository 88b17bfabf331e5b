"""What is said of fields that are kept and not enforced."""

from __future__ import annotations

from decimal import Decimal

from agents.governance.enforcement import kept_longer, unenforced
from schemas.governance import TeamRegistered
from schemas.policy import Budget, CacheMode, EncryptionMode, Period, PersonalDataMode, Policy, Rates


def test_what_is_enforced_is_not_named() -> None:
    policy = Policy(personal_data=PersonalDataMode.REDACT, cache=CacheMode.OFF, allowed_models=("m",))
    assert unenforced(TeamRegistered(tenant="acme", team="search", policy=policy, rates=Rates(in_flight=3))) == []


def test_what_is_only_kept_is_named() -> None:
    fact = TeamRegistered(
        tenant="acme",
        team="search",
        policy=Policy(cache=CacheMode.OFF, encryption=EncryptionMode.TENANT, retention_days=30),
        budgets=(Budget(period=Period.DAY, limit_usd=Decimal(5)),),
    )
    assert unenforced(fact) == ["policy.encryption"]


def test_days_that_topics_do_not_keep_to_are_told() -> None:
    def fact(days: int | None) -> TeamRegistered:
        return TeamRegistered(tenant="acme", team="search", policy=Policy(retention_days=days))

    assert [kept_longer(fact(days), 168.0) for days in (None, 6, 7, 8)] == [None, 6, None, None]
