"""Changing the registry: what a change is, how it reads, and the audit record that goes with it.

The audit record is published before the fact, so that no change takes effect unaudited. Its id follows from whom the
change is about, what held before and what is to hold: a change that was interrupted between the two and is made again
has the same id, and is one record. Where nothing held before, the log's end stands for it, since what was removed may
be made again just as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from agents.governance.registry.places import Fact, Kind, Place, place_of_fact
from schemas.tenant import TenantRegistered
from schemas.wire import AuditRecord

CIRCUMSTANCES = frozenset({"version", "changed_by", "reason", "changed_at", "registered_at"})
"""Fields that say who made a fact, when and why, and not what holds."""
HIDDEN = frozenset({"secret_hash", "signing_key"})
"""Fields that tell nobody anything."""
NAMES = frozenset({"tenant", "key_id"})
"""Fields that the place says already."""
DIGEST_BYTES = 8


class Change(NamedTuple):
    """One change: `before` is None for what is new, `after` for what is removed.

    Attributes:
        action: Past tense, as auditors read it, e.g. `key_revoked`.
    """

    place: Place
    before: Fact | None
    after: Fact | None
    action: str


class Who(NamedTuple):
    """Who changes something, and why."""

    actor: str
    reason: str


def change_to(fact: Fact, before: Fact | None, action: str | None = None) -> Change | None:
    """Return the change that lets a fact hold; None when it holds already."""
    if before is not None and _held(before) == _held(fact):
        return None
    place = place_of_fact(fact)
    return Change(place, before, fact, action or f"{place.kind}_{'registered' if before is None else 'changed'}")


def removal(place: Place, before: Fact) -> Change:
    """Return the change that removes what holds."""
    return Change(place, before, None, f"{place.kind}_removed")


def signed_by(fact: Fact, who: Who, now: datetime) -> Fact:
    """Return a fact that says who made it, why and when."""
    at = "registered_at" if isinstance(fact, TenantRegistered) else "changed_at"
    return fact.model_copy(update={"changed_by": who.actor, "reason": who.reason, at: now})


def audit_of(change: Change, who: Who, now: datetime, version: str) -> AuditRecord:
    """Return the audit record of a change.

    Args:
        change: What changes.
        who: Makes it, and why.
        now: When.
        version: Of the registry before: which log, and how much of it was read.
    """
    before = version.encode() if change.before is None else change.before.model_dump_json().encode()
    after = b"" if change.after is None else orjson.dumps(_held(change.after), option=orjson.OPT_SORT_KEYS)
    told = "; ".join(line.strip() for line in differences(change))
    return AuditRecord(
        id=f"governance/{change.place}/{_digest(before)}/{_digest(after)}",
        actor=who.actor,
        action=change.action,
        subject=str(change.place),
        outcome="applied",
        reason=f"{who.reason} ({told})" if told else who.reason,
        occurred_at=now,
        tenant=change.place.tenant,
    )


def differences(change: Change) -> Iterator[str]:
    """Give one line per field that changes."""
    before = {} if change.before is None else dict(_leaves(_held(change.before), ""))
    after = {} if change.after is None else dict(_leaves(_held(change.after), ""))
    for field in sorted(before.keys() | after.keys()):
        old, new = before.get(field), after.get(field)
        if old == new or field in HIDDEN or (change.before is None and field in NAMES):
            continue
        if change.before is None:
            yield f"{field}: {_shown(new)}"
        elif change.after is not None:
            yield f"{field}: {_shown(old)} → {_shown(new)}"


def _held(fact: Fact) -> dict[str, Any]:
    """Return what a fact says, without who said it when."""
    return fact.model_dump(mode="json", exclude=set(CIRCUMSTANCES))


def _leaves(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, f"{prefix}{name}.")
        elif inner not in (None, []) and f"{prefix}{name}" != "limits.version":
            yield f"{prefix}{name}", inner


def _shown(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def kinds_in_order(change: Change) -> tuple[int, str]:
    """Sort what is made from the widest to the narrowest, and what is removed the other way round."""
    rank = list(Kind).index(change.place.kind)
    return (rank if change.after is not None else len(Kind) - rank, str(change.place))
