"""The message keys of `asahi.governance`: whom a fact is about, and which kind of fact it therefore is."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel

from schemas.governance import KeyIssued, TeamRegistered, UserRegistered
from schemas.tenant import TenantRegistered

Fact = TenantRegistered | TeamRegistered | UserRegistered | KeyIssued
"""What may stand on `asahi.governance`."""

SEPARATOR = "/"


class Kind(StrEnum):
    """Whom a fact is about."""

    TENANT = "tenant"
    TEAM = "team"
    USER = "user"
    KEY = "key"


FACTS: dict[Kind, type[BaseModel]] = {
    Kind.TENANT: TenantRegistered,
    Kind.TEAM: TeamRegistered,
    Kind.USER: UserRegistered,
    Kind.KEY: KeyIssued,
}


class Place(NamedTuple):
    """Whom a fact is about.

    Attributes:
        name: Within the organization; the organization's own name for a fact about itself.
    """

    kind: Kind
    tenant: str
    name: str

    def __str__(self) -> str:
        if self.kind is Kind.TENANT:
            return self.tenant
        return SEPARATOR.join((self.tenant, self.kind, self.name))

    @property
    def message_key(self) -> bytes:
        """Return the key of messages about it: `acme`, `acme/team/search`, `acme/user/amara`, `acme/key/k7...`."""
        return str(self).encode()


def place_of(key: str) -> Place | None:
    """Return whom a message key names; None when it is of a form or kind that is not known here."""
    tenant, *rest = key.split(SEPARATOR)
    if not rest:
        return Place(Kind.TENANT, tenant, tenant) if tenant else None
    if len(rest) != len(("kind", "name")) or rest[0] not in (Kind.TEAM, Kind.USER, Kind.KEY):
        return None
    return Place(Kind(rest[0]), tenant, rest[1])


def place_of_fact(fact: Fact) -> Place:
    """Return whom a fact is about."""
    match fact:
        case TenantRegistered(tenant=tenant):
            return Place(Kind.TENANT, tenant, tenant)
        case TeamRegistered(tenant=tenant, team=name):
            return Place(Kind.TEAM, tenant, name)
        case UserRegistered(tenant=tenant, user=name):
            return Place(Kind.USER, tenant, name)
        case KeyIssued(tenant=tenant, key_id=name):
            return Place(Kind.KEY, tenant, name)
