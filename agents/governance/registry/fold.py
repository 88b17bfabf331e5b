"""The registry: the newest fact per message key, and the nested scopes that follow from them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from agents.governance.registry.places import Fact, Kind, Place, place_of
from agents.governance.registry.reading import read_fact
from agents.governance.registry.scopes import Scopes
from schemas.errors import InvalidEvent
from schemas.governance import KeyIssued, TeamRegistered, UserRegistered
from schemas.tenant import TenantRegistered
from streams.evictions import Evictions, is_eviction
from streams.sealing.facts import DataKeyFacts, is_data_key

logger = logging.getLogger(__name__)

REMEMBERED_CHAINS = 10_000
"""Scope chains kept per organization: users come from requests, and anybody may make up many."""


@dataclass(slots=True)
class _Organization:
    """What is known of one organization; `fact` is None while only something below it was heard of."""

    fact: TenantRegistered | None = None
    teams: dict[str, TeamRegistered] = field(default_factory=dict)
    users: dict[str, UserRegistered] = field(default_factory=dict)
    keys: dict[str, KeyIssued] = field(default_factory=dict)
    chains: dict[tuple[str | None, str | None], Scopes] = field(default_factory=dict)


class Registry:
    """A fold over `asahi.governance`: the newest fact per key holds, and a tombstone removes what it is about.

    Args:
        destroyed: Told of every data key that is destroyed: its tenant and id.
        evicted: Told of the tenant whenever answers are taken out of the cache.

    Attributes:
        data_keys: What is known of data keys.
        evictions: What is known of answers that were taken out of the cache.
    """

    def __init__(
        self,
        destroyed: Callable[[str, str], object] = lambda tenant, key_id: None,
        evicted: Callable[[str], object] = lambda tenant: None,
    ) -> None:
        self.data_keys = DataKeyFacts(destroyed)
        self.evictions = Evictions(evicted)
        self._organizations: dict[str, _Organization] = {}
        self._tenant_of_key: dict[str, str] = {}

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[TenantRegistered]:
        """Give the registered organizations."""
        return (known.fact for known in self._organizations.values() if known.fact is not None)

    def get(self, name: str) -> TenantRegistered | None:
        """Return what holds for this tenant, or None when it is not registered."""
        known = self._organizations.get(name)
        return None if known is None else known.fact

    def names(self) -> list[str]:
        """Return the names of all organizations of which something is known."""
        return sorted(self._organizations)

    def teams(self, tenant: str) -> tuple[TeamRegistered, ...]:
        """Return the teams of an organization."""
        known = self._organizations.get(tenant)
        return () if known is None else tuple(known.teams.values())

    def users(self, tenant: str) -> tuple[UserRegistered, ...]:
        """Return the users of an organization."""
        known = self._organizations.get(tenant)
        return () if known is None else tuple(known.users.values())

    def keys(self, tenant: str) -> tuple[KeyIssued, ...]:
        """Return the keys of an organization, revoked and expired ones too."""
        known = self._organizations.get(tenant)
        return () if known is None else tuple(known.keys.values())

    def below(self, tenant: str) -> tuple[Fact, ...]:
        """Return everything that belongs to an organization, from the narrowest to the widest."""
        return (*self.keys(tenant), *self.users(tenant), *self.teams(tenant))

    def key(self, key_id: str) -> KeyIssued | None:
        """Return a key by its id, whose ever it is; None when it was never issued or has been removed."""
        tenant = self._tenant_of_key.get(key_id)
        return None if tenant is None else self._organizations[tenant].keys.get(key_id)

    def at(self, place: Place) -> Fact | None:
        """Return what holds for this place, or None."""
        known = self._organizations.get(place.tenant)
        if known is None:
            return None
        match place.kind:
            case Kind.TENANT:
                return known.fact
            case Kind.TEAM:
                return known.teams.get(place.name)
            case Kind.USER:
                return known.users.get(place.name)
            case Kind.KEY:
                return known.keys.get(place.name)

    def scope_chain(self, tenant: str, user: str | None = None, key_id: str | None = None) -> Scopes | None:
        """Return the nested scopes of a request; None when the tenant is not registered.

        Args:
            tenant: The organization.
            user: As the request names it; the key's own user when it names none.
            key_id: The key it came under; one that is not known counts as none.
        """
        known = self._organizations.get(tenant)
        if known is None or known.fact is None:
            return None
        found = known.chains.get((user, key_id))
        if found is None:
            if len(known.chains) >= REMEMBERED_CHAINS:
                known.chains.clear()
            found = known.chains[user, key_id] = _chain(known, known.fact, user, key_id)
        return found

    def register(self, fact: Fact) -> None:
        """Let this fact replace what held for whom it is about."""
        known = self._organizations.setdefault(fact.tenant, _Organization())
        match fact:
            case TenantRegistered():
                known.fact = fact
            case TeamRegistered(team=name):
                known.teams[name] = fact
            case UserRegistered(user=name):
                known.users[name] = fact
            case KeyIssued(key_id=key_id):
                known.keys[key_id] = fact
                self._tenant_of_key[key_id] = fact.tenant
        known.chains.clear()

    def remove(self, place: Place) -> None:
        """Forget whom this place names; what is not registered stays so."""
        known = self._organizations.get(place.tenant)
        if known is None:
            return
        match place.kind:
            case Kind.TENANT:
                known.fact = None
            case Kind.TEAM:
                known.teams.pop(place.name, None)
            case Kind.USER:
                known.users.pop(place.name, None)
            case Kind.KEY:
                known.keys.pop(place.name, None)
                if self._tenant_of_key.get(place.name) == place.tenant:
                    del self._tenant_of_key[place.name]
        known.chains.clear()
        if not (known.fact or known.teams or known.users or known.keys):
            del self._organizations[place.tenant]

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Fold in one message of the topic; one that is no fact is logged, and what held before still holds.

        Args:
            key: Whom it is about.
            value: A fact as JSON, or None for a tombstone.
        """
        name = (key or b"").decode(errors="replace")
        if is_data_key(name):
            self.data_keys.apply(name, value)
            return
        if is_eviction(name):
            self.evictions.apply(name, value)
            return
        place = place_of(name)
        if place is None:
            logger.error("ignored a fact of an unknown kind", extra={"key": name})
            return
        if value is None:
            self.remove(place)
            return
        try:
            fact = read_fact(place, value)
            self._check_owner(place)
        except InvalidEvent as wrong:
            logger.error("ignored a fact", extra={"key": name, "code": wrong.code, "reason": wrong.message})
        else:
            self.register(fact)

    def _check_owner(self, place: Place) -> None:
        """Refuse a key under an id that another organization has: its requests would become ambiguous.

        Raises:
            InvalidEvent: Another organization has a key of this id.
        """
        owner = self._tenant_of_key.get(place.name) if place.kind is Kind.KEY else None
        if owner is not None and owner != place.tenant:
            raise InvalidEvent(
                "key_id_taken", f"key {str(place)!r}: the id belongs to a key of {owner!r}", "issue a new key", "key"
            )


def _chain(known: _Organization, fact: TenantRegistered, user: str | None, key_id: str | None) -> Scopes:
    key = None if key_id is None else known.keys.get(key_id)
    name = user if user is not None or key is None else key.user
    user_fact = None if name is None else known.users.get(name)
    team = user_fact.team if user_fact is not None else None
    if team is None and key is not None:
        team = key.team
    return Scopes(fact, None if team is None else known.teams.get(team), user_fact, key)
