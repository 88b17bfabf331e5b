"""Reading events of the chain, whoever may have written to their topics."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TypeVar

from pydantic import ValidationError

from schemas.audit_chain import AuditCheckpoint, AuditLinks

Parsed = TypeVar("Parsed", AuditLinks, AuditCheckpoint)


def readable(event: type[Parsed], values: Iterable[bytes | str | None]) -> list[Parsed]:
    """Return the events that can be read. Others are passed over: the chain misses them, which is a finding."""
    found: list[Parsed] = []
    for value in values:
        with suppress(ValidationError):
            found.append(event.model_validate_json(value or b""))
    return found
