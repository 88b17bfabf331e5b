"""Names that follow from what they name, so that whoever resumes the work derives the same ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from schemas.batch import Passenger

DIGEST_BYTES = 16
"""Hex digits twice that: custom ids may have 64 characters at both providers, letters and digits among them."""


def item_id(passenger: Passenger) -> str:
    """Return the id of a request in its batch, the `custom_id`; a request sent again much later gets another one."""
    name = f"{passenger.tenant}\x00{passenger.id}\x00{passenger.received_at!r}"
    return blake2b(name.encode(), digest_size=DIGEST_BYTES).hexdigest()


def job_key(provider: str, model: str, items: Iterable[str]) -> str:
    """Return the key of a job, sent along as metadata and idempotency key."""
    name = "\x00".join((provider, model, *items))
    return blake2b(name.encode(), digest_size=DIGEST_BYTES).hexdigest()


def paid_call_id(batch: str, item: str) -> str:
    """Return the id under which the result of an item is charged: once per batch and custom id."""
    return f"{batch}/{item}"
