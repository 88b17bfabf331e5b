"""What a request asks for, as one short value: equal for requests that mean the same.

Field order, white space, and whether a default is written out or left out do not count. Neither do `created_at` and
`trace`, which say when and in which context a request was sent. A field added to the contract later does not change
the digest of a request that does not use it, so a redelivery is recognised across releases.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson
from pydantic import BaseModel

from schemas.request import CacheOptions, Constraints, Message, Request, Sampling, Weights
from schemas.steps import DeclaredStep

DIGEST_BYTES = 16
UNCOUNTED = frozenset({"created_at", "trace"})

_DEFAULTS: dict[type[BaseModel], dict[str, Any]] = {
    model: {
        name: field.get_default(call_default_factory=True, validated_data={})
        for name, field in model.model_fields.items()
        if not field.is_required()
    }
    for model in (Request, Message, Sampling, Constraints, Weights, CacheOptions, DeclaredStep)
}
_PARTS = frozenset({Sampling, Constraints, Weights, CacheOptions})
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def request_digest(request: Request) -> str:
    """Return the hex BLAKE2b-128 of the canonical request."""
    return bytes_digest(orjson.dumps(_given(request), default=_plain, option=_OPTIONS))


def bytes_digest(body: bytes) -> str:
    """Return the hex BLAKE2b-128 of bytes that have no canonical form."""
    return blake2b(body, digest_size=DIGEST_BYTES).hexdigest()


def _given(model: BaseModel) -> dict[str, Any]:
    """Return the fields that say something else than their defaults do."""
    defaults = _DEFAULTS[type(model)]
    values = model.__dict__
    given = {}
    for name in model.__pydantic_fields_set__:  # as model_fields_set, without a property call per request
        value = values[name]
        if name in UNCOUNTED:
            continue
        if type(value) in _PARTS:
            if part := _given(value):
                given[name] = part
        elif value != defaults.get(name):
            given[name] = value
    return given


def _plain(value: object) -> object:
    """Return what orjson asks about as something it knows."""
    if isinstance(value, Message | DeclaredStep):
        return _given(value)
    if isinstance(value, Decimal):
        return str(value.normalize())
    assert isinstance(value, datetime), f"{type(value).__name__} has no canonical form"
    return value.astimezone(UTC).isoformat()
