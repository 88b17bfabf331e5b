"""What follows from a chain of scopes for every request under it."""

from __future__ import annotations

from typing import NamedTuple

from agents.governance.policies import effective_policy
from agents.governance.rates.gates import Gates, gates_of
from agents.governance.registry import Scopes
from schemas.effective_policy import UNRESTRICTED, EffectivePolicy
from schemas.tenant import TenantLimits

NO_LIMITS = TenantLimits()


class Standing(NamedTuple):
    """What holds for requests under one chain of scopes.

    Attributes:
        gates: The limits that they pass.
        ruled: Whether there is any rule at all, of a policy or of the organization's older `limits`.
    """

    policy: EffectivePolicy
    gates: Gates
    ruled: bool


def standing_of(scopes: Scopes) -> Standing:
    """Work out what holds under these scopes."""
    policy = effective_policy(scopes)
    return Standing(policy, gates_of(scopes), policy != UNRESTRICTED or scopes.tenant.limits != NO_LIMITS)
