"""Who may use the system, as the facts on `asahi.governance` say."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from pydantic import ValidationError

from schemas.errors import InvalidEvent
from schemas.tenant import TenantRegistered

logger = logging.getLogger(__name__)


class TenantDirectory:
    """A fold over `TenantRegistered`: the newest fact of each tenant holds, and a tombstone removes the tenant."""

    def __init__(self) -> None:
        self._by_name: dict[str, TenantRegistered] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[TenantRegistered]:
        return iter(self._by_name.values())

    def get(self, name: str) -> TenantRegistered | None:
        """Return what holds for this tenant, or None when it is not registered."""
        return self._by_name.get(name)

    def register(self, fact: TenantRegistered) -> None:
        """Let this fact replace what held for its tenant."""
        self._by_name[fact.tenant] = fact

    def remove(self, name: str) -> None:
        """Forget a tenant; one that is not registered stays so."""
        self._by_name.pop(name, None)

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Fold in one message of the topic; one that is no fact is logged, and what held before still holds.

        Args:
            key: The tenant's name.
            value: A `TenantRegistered` as JSON, or None for a tombstone.
        """
        name = (key or b"").decode(errors="replace")
        if value is None:
            self.remove(name)
            return
        try:
            self.register(tenant_fact(name, value))
        except InvalidEvent as wrong:
            logger.error(
                "ignored a fact about a tenant", extra={"tenant": name, "code": wrong.code, "reason": wrong.message}
            )


def tenant_fact(name: str, value: bytes) -> TenantRegistered:
    """Read a fact about the tenant of this name.

    Raises:
        InvalidEvent: The bytes are no `TenantRegistered`, or one about another tenant; names the field.
    """
    try:
        fact = TenantRegistered.model_validate_json(value)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidEvent(
            "invalid_field",
            f"tenant {name!r}: {field or 'value'}: {first['msg']}",
            f"correct {field or 'the value'} and register the tenant again",
            field or None,
        ) from wrong
    if fact.tenant != name:
        raise InvalidEvent(
            "key_mismatch",
            f"tenant {name!r}: key: the fact is about tenant {fact.tenant!r}",
            "set the message key to the tenant",
            "key",
        )
    return fact
