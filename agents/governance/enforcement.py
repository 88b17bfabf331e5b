"""What the registry keeps but this release does not enforce, or not everywhere, so that nobody relies on it."""

from __future__ import annotations

from agents.governance.registry.places import Fact
from schemas.tenant import TenantRegistered

HOURS_PER_DAY = 24
KEPT_BELOW_ORGANIZATION = frozenset({"encryption"})
"""Whether content is encrypted is decided for an organization as a whole."""


def unenforced(fact: Fact) -> list[str]:
    """Return the dotted fields that the fact sets and nothing enforces, in their order."""
    kept = frozenset() if isinstance(fact, TenantRegistered) else KEPT_BELOW_ORGANIZATION
    said = fact.policy.model_dump(include=set(kept), exclude_none=True)
    return [f"policy.{name}" for name in said]


def kept_longer(fact: Fact, topic_hours: float) -> int | None:
    """Return the fact's `policy.retention_days` where topics keep content longer than that; else None.

    A topic keeps everybody's events equally long, so that fewer days hold in ClickHouse only.

    Args:
        fact: About an organization, a team, a user or a key.
        topic_hours: How long public topics keep their events.
    """
    days = fact.policy.retention_days
    return days if days is not None and outlasted(days, topic_hours) else None


def outlasted(days: int, hours: float) -> bool:
    """Return whether what is kept for so many hours is kept longer than a policy's days."""
    return days * HOURS_PER_DAY < hours
