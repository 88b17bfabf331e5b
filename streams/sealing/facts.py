"""What `asahi.governance` says of encryption: which tenants demand it, and to which keys to seal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from pydantic import ValidationError

from schemas.governance import DataKeyDestroyed, DataKeyIssued

logger = logging.getLogger(__name__)

KIND = "datakey"
_DESTROYED_AT = b'"destroyed_at"'

Scope = tuple[str, str | None]
"""Tenant, and user within it or None."""


def data_key_place(tenant: str, key_id: str) -> bytes:
    """Return the message key of the facts about a data key."""
    return f"{tenant}/{KIND}/{key_id}".encode()


def is_data_key(name: str) -> bool:
    """Return whether a message key is one of a data key."""
    return name.split("/")[1:2] == [KIND]


class DataKeyFacts:
    """A fold over the facts about data keys.

    Args:
        destroyed: Told of every key that is destroyed: its tenant and id.
    """

    def __init__(self, destroyed: Callable[[str, str], object] = lambda tenant, key_id: None) -> None:
        self._destroyed = destroyed
        self._facts: dict[str, dict[str, DataKeyIssued | DataKeyDestroyed]] = {}
        self._issued: dict[Scope, dict[str, DataKeyIssued]] = {}

    def apply(self, name: str, value: bytes | None) -> None:
        """Take in one message; one that is no fact is logged. A destroyed key stays so, whatever is said later."""
        if value is None:
            return
        model = DataKeyDestroyed if _DESTROYED_AT in value else DataKeyIssued
        try:
            fact = model.model_validate_json(value)
        except ValidationError:
            logger.error("ignored a fact about a data key", extra={"key": name})
            return
        if name.encode() != data_key_place(fact.tenant, fact.key_id):
            logger.error("ignored a fact about another data key than its key names", extra={"key": name})
            return
        known = self._facts.setdefault(fact.tenant, {})
        before = known.get(fact.key_id)
        if isinstance(before, DataKeyIssued):
            del self._issued[before.tenant, before.user][before.key_id]
        if isinstance(fact, DataKeyDestroyed):
            known[fact.key_id] = fact
            self._destroyed(fact.tenant, fact.key_id)
        elif not isinstance(before, DataKeyDestroyed):
            known[fact.key_id] = fact
            self._issued.setdefault((fact.tenant, fact.user), {})[fact.key_id] = fact

    def issued(self, tenant: str, key_id: str) -> bool:
        """Return whether there is a data key of this id, which was made and not destroyed."""
        return isinstance(self._facts.get(tenant, {}).get(key_id), DataKeyIssued)

    def of(self, tenant: str) -> Iterator[DataKeyIssued | DataKeyDestroyed]:
        """Give what is known of a tenant's keys, as they were told."""
        return iter(self._facts.get(tenant, {}).values())

    def good(self, tenant: str, user: str | None) -> list[DataKeyIssued]:
        """Return the keys of a scope that are not destroyed: only its own, never a wider one's."""
        return list(self._issued.get((tenant, user), {}).values())

    def newest(self, tenant: str, user: str | None) -> DataKeyIssued | None:
        """Return the key to seal to for a scope: only its own, never a wider one's."""
        return max(self.good(tenant, user), key=lambda fact: (fact.issued_at, fact.key_id), default=None)
