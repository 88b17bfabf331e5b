"""The nested scopes of one request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from schemas.governance import KeyIssued, TeamRegistered, UserRegistered
from schemas.tenant import TenantRegistered

T = TypeVar("T")
ScopeFact = TenantRegistered | TeamRegistered | UserRegistered | KeyIssued


@dataclass(frozen=True, slots=True)
class Scopes:
    """What holds for one request, from the widest scope to the narrowest; None where there is no such scope."""

    tenant: TenantRegistered
    team: TeamRegistered | None = None
    user: UserRegistered | None = None
    key: KeyIssued | None = None
    _once: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def widest_first(self) -> tuple[ScopeFact, ...]:
        """Return the facts that there are: organization, team, user, key."""
        return tuple(fact for fact in (self.tenant, self.team, self.user, self.key) if fact is not None)

    def once(self, work: Callable[[Scopes], T]) -> T:
        """Return what follows from these scopes, worked out once and remembered as long as they are."""
        found = self._once.get(work)
        if found is None:
            found = self._once[work] = work(self)
        return cast("T", found)
