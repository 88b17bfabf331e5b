"""What the registry keeps but this release does not enforce yet, so that nobody relies on it."""

from __future__ import annotations

from agents.governance.registry.places import Fact
from schemas.tenant import TenantRegistered

ENFORCED_POLICIES = frozenset({"personal_data", "failing", "encryption"})
"""Of an organization; those of teams, users and keys are kept only."""


def unenforced(fact: Fact) -> list[str]:
    """Return the dotted fields that the fact sets and nothing enforces, in their order."""
    enforced = ENFORCED_POLICIES if isinstance(fact, TenantRegistered) else frozenset[str]()
    policy = fact.policy.model_dump(exclude_none=True)
    found = [f"policy.{name}" for name in policy if name not in enforced]
    if fact.budgets:
        found.append("budgets")
    return found + [f"rates.{name}" for name in fact.rates.model_dump(exclude_none=True)]
