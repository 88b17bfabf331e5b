"""What the registry keeps but this release does not enforce yet, so that nobody relies on it."""

from __future__ import annotations

from agents.governance.registry.places import Fact
from schemas.tenant import TenantRegistered

KEPT_POLICIES = frozenset({"retention_days"})
KEPT_BELOW_ORGANIZATION = KEPT_POLICIES | {"encryption"}
"""Whether content is encrypted is decided for an organization as a whole."""


def unenforced(fact: Fact) -> list[str]:
    """Return the dotted fields that the fact sets and nothing enforces, in their order."""
    kept = KEPT_POLICIES if isinstance(fact, TenantRegistered) else KEPT_BELOW_ORGANIZATION
    said = fact.policy.model_dump(include=set(kept), exclude_none=True)
    return [f"policy.{name}" for name in said]
