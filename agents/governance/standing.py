"""What follows from a chain of scopes for every request under it."""

from __future__ import annotations

from typing import NamedTuple

from agents.governance.policies import effective_policy
from agents.governance.rates.gates import Gates, gates_of
from agents.governance.registry import Scopes
from schemas.effective_policy import EffectivePolicy


class Standing(NamedTuple):
    """What holds for requests under one chain of scopes.

    Attributes:
        gates: The limits that they pass.
    """

    policy: EffectivePolicy
    gates: Gates


def standing_of(scopes: Scopes) -> Standing:
    """Work out what holds under these scopes."""
    return Standing(effective_policy(scopes), gates_of(scopes))
