"""Whose content may be kept for how long: the registry's policies, in the terms in which events name their owner.

An event names its tenant, mostly its user, and a signed one its key. Every limit along the chain of tenant, team,
user and key holds, so the fewest days count; a narrower scope never widens them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.governance.enforcement import outlasted
from agents.governance.policies import effective_policy
from agents.governance.registry import Registry
from schemas.governance import KeyIssued

DIGEST_BYTES = 16

Owner = tuple[str, str]
"""A tenant, and a user or key in it."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """Everybody whose content some policy lets be kept for so many days.

    Attributes:
        days: After a request, how long.
        tenants: Organizations, with all their users and keys.
        users: Users, by their own policy or their team's.
        keys: Keys, by their own policy; one that belongs to a user also by what holds for him.
        team_keys: Keys of a team that says so; they concern whoever is in no other team.
    """

    days: int
    tenants: frozenset[str] = frozenset()
    users: frozenset[Owner] = frozenset()
    keys: frozenset[Owner] = frozenset()
    team_keys: frozenset[Owner] = frozenset()

    def cutoff(self, now: datetime) -> datetime:
        """Return the moment before which a request is too old to be kept."""
        return now - timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Rules:
    """What all policies say about keeping content.

    Attributes:
        horizons: The fewest days first; none where no policy limits anything.
        in_teams: Users who belong to a team.
        unlimited: Registered organizations in which no policy limits anything.
    """

    horizons: tuple[Horizon, ...] = ()
    in_teams: frozenset[Owner] = frozenset()
    unlimited: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.horizons)

    @property
    def digest(self) -> str:
        """Return what tells these rules from others."""
        said = [
            (one.days, sorted(one.tenants), sorted(one.users), sorted(one.keys), sorted(one.team_keys))
            for one in self.horizons
        ]
        text = repr((said, sorted(self.in_teams)))
        return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()

    def days_of(self, tenant: str, user: str | None = None, key_id: str | None = None) -> int | None:
        """Return how many days content may be kept; None where nobody limits it.

        Args:
            tenant: Whose it is.
            user: As the request names him; None when it names nobody.
            key_id: The key it came under, if any.
        """
        whose, key = (tenant, user or ""), (tenant, key_id or "")
        for horizon in self.horizons:
            named = tenant in horizon.tenants or whose in horizon.users or key in horizon.keys
            if named or (key in horizon.team_keys and whose not in self.in_teams):
                return horizon.days
        return None

    def fewest(self) -> dict[str, int]:
        """Return the fewest days that hold for anybody in an organization, by organization."""
        found: dict[str, int] = {}
        for horizon in self.horizons:
            for tenant in _tenants_of(horizon):
                found.setdefault(tenant, horizon.days)
        return dict(sorted(found.items()))

    def shorter_than(self, hours: float) -> dict[str, int]:
        """Return the organizations with content that somebody's policy lets be kept for less than so many hours."""
        return {tenant: days for tenant, days in self.fewest().items() if outlasted(days, hours)}


def rules_of(registry: Registry) -> Rules:
    """Return what the policies in the registry say about keeping content."""
    found = _Gathering()
    in_teams: set[Owner] = set()
    for organization in registry:
        tenant = organization.tenant
        wide = _days(registry, tenant)
        found.everybody(wide, tenant)
        for user in registry.users(tenant):
            found.narrower(wide, _days(registry, tenant, user.user), "users", (tenant, user.user))
            if user.team is not None:
                in_teams.add((tenant, user.user))
        teams = {team.team: team.policy.retention_days for team in registry.teams(tenant)}
        for key in registry.keys(tenant):
            whose = (tenant, key.key_id)
            found.narrower(wide, _key_days(registry, key), "keys", whose)
            if key.user is None and key.team is not None:
                found.narrower(wide, teams.get(key.team), "team_keys", whose)
    horizons = found.horizons()
    limited = {tenant for horizon in horizons for tenant in _tenants_of(horizon)}
    unlimited = frozenset(one.tenant for one in registry) - limited
    return Rules(horizons, frozenset(in_teams), unlimited)


def _days(registry: Registry, tenant: str, user: str | None = None, key_id: str | None = None) -> int | None:
    scopes = registry.scope_chain(tenant, user, key_id)
    ruling = None if scopes is None else scopes.once(effective_policy).retention_days
    return None if ruling is None else ruling.value


def _key_days(registry: Registry, key: KeyIssued) -> int | None:
    if key.user is None:
        return key.policy.retention_days
    return _days(registry, key.tenant, None, key.key_id)


def _tenants_of(horizon: Horizon) -> Iterable[str]:
    narrow = (horizon.users, horizon.keys, horizon.team_keys)
    return {*horizon.tenants, *(tenant for owners in narrow for tenant, _ in owners)}


class _Gathering:
    """Names by days and kind, until all are known."""

    def __init__(self) -> None:
        self._tenants: dict[int, set[str]] = {}
        self._owners: dict[int, dict[str, set[Owner]]] = {}

    def everybody(self, days: int | None, tenant: str) -> None:
        """Note how long a whole organization's content may be kept."""
        if days is not None:
            self._tenants.setdefault(days, set()).add(tenant)

    def narrower(self, wide: int | None, days: int | None, kind: str, owner: Owner) -> None:
        """Note an owner whose own days are fewer than those of his whole organization."""
        if days is not None and (wide is None or days < wide):
            self._owners.setdefault(days, {}).setdefault(kind, set()).add(owner)

    def horizons(self) -> tuple[Horizon, ...]:
        return tuple(
            Horizon(
                days,
                frozenset(self._tenants.get(days, ())),
                **{kind: frozenset(owners) for kind, owners in self._owners.get(days, {}).items()},
            )
            for days in sorted(self._tenants.keys() | self._owners.keys())
        )
