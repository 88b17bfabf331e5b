"""What holds for requests under a chain of scopes, field by field, with who decided it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from agents.governance.enforcement import KEPT_BELOW_ORGANIZATION
from agents.governance.registry.places import label_of
from agents.governance.registry.scopes import Scopes
from agents.governance.standing import standing_of
from schemas.effective_policy import Restriction, Ruling
from schemas.policy import Policy

BURSTS = {
    "limits.requests_per_minute": "limits.burst",
    "rates.requests_per_minute": "rates.request_burst",
    "rates.tokens_per_minute": "rates.token_burst",
}
LIMITS = ("max_input_tokens", "max_output_tokens", "allowed_models")
"""Of an organization's older `limits`, those on a single request."""

ENFORCED_IN_EVERY_SCOPE = tuple(name for name in Policy.model_fields if name not in KEPT_BELOW_ORGANIZATION)
HARDNESS = {True: "hard", False: "soft"}

Value = str | int | Decimal | tuple[str, ...]


class Holding(NamedTuple):
    """One rule in force.

    Attributes:
        field: Such as `policy.max_input_tokens`.
        value: What it comes to.
        by: The scopes whose rules decide it, the widest first.
    """

    field: str
    value: Value
    by: tuple[str, ...]


def holdings(scopes: Scopes) -> list[Holding]:
    """Return the rules in force: of policies what they come to; of rates and budgets, each holds by itself."""
    standing = standing_of(scopes)
    found = []
    for name in ENFORCED_IN_EVERY_SCOPE:
        held: Restriction | Ruling[int] | None = getattr(standing.policy, name)
        if isinstance(held, Restriction):
            found.append(Holding(f"policy.{name}", held.names, tuple(by for by, _ in held.rules)))
        elif held is not None:
            found.append(Holding(f"policy.{name}", held.value, (held.by,)))
    limits, tenant = scopes.tenant.limits, label_of(scopes.tenant)
    encryption = scopes.tenant.policy.encryption
    if encryption is not None:
        found.append(Holding("policy.encryption", encryption, (tenant,)))
    for name in LIMITS:
        value: Value | None = getattr(limits, name)
        if value is not None:
            found.append(Holding(f"limits.{name}", value, (tenant,)))
    for gate in (*standing.gates.requests, *standing.gates.tokens):
        found += [Holding(gate.rule, gate.rate, (gate.by,)), Holding(BURSTS[gate.rule], gate.burst, (gate.by,))]
    found += [Holding("rates.in_flight", ceiling.limit, (ceiling.by,)) for ceiling in standing.gates.ceilings]
    return found + _budgets(scopes)


def _budgets(scopes: Scopes) -> list[Holding]:
    """Return all budgets: each holds by itself."""
    return [
        Holding(f"budgets.{budget.period}", f"${budget.limit_usd} {HARDNESS[budget.hard]}", (label_of(fact),))
        for fact in scopes.widest_first
        for budget in fact.budgets
    ]
