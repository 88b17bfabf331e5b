"""The nested scopes of one request."""

from __future__ import annotations

from typing import NamedTuple

from schemas.governance import KeyIssued, TeamRegistered, UserRegistered
from schemas.tenant import TenantRegistered

ScopeFact = TenantRegistered | TeamRegistered | UserRegistered | KeyIssued


class Scopes(NamedTuple):
    """What holds for one request, from the widest scope to the narrowest; None where there is no such scope."""

    tenant: TenantRegistered
    team: TeamRegistered | None = None
    user: UserRegistered | None = None
    key: KeyIssued | None = None

    @property
    def widest_first(self) -> tuple[ScopeFact, ...]:
        """Return the facts that there are: organization, team, user, key."""
        return tuple(fact for fact in self if fact is not None)
