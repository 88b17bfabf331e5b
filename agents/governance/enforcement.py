"""What the registry keeps but this release does not enforce yet, so that nobody relies on it."""

from __future__ import annotations

from agents.governance.registry.places import Fact

KEPT_POLICIES = ("encryption", "retention_days")


def unenforced(fact: Fact) -> list[str]:
    """Return the dotted fields that the fact sets and nothing enforces, in their order."""
    said = fact.policy.model_dump(include=set(KEPT_POLICIES), exclude_none=True)
    return [f"policy.{name}" for name in said]
