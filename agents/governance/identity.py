"""Whose request it is, read from bytes that are not a valid request."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import msgspec
from pydantic import Field, TypeAdapter, ValidationError

from agents.governance.outline import outline
from schemas.model import Name, RequestId, Text
from schemas.request import MAX_TAG_CHARS

MAX_MEMBERS = 1_000
"""More members than a request has fields; an id behind so many unknown ones is not looked for."""

_TRAILING = b" \t\r\n\x00"  # a C string's terminator does not make its id unreadable
_id = TypeAdapter[str](RequestId)
_tenant = TypeAdapter[str](Name)
_user = TypeAdapter[str](Annotated[Text, Field(max_length=MAX_TAG_CHARS)])


class Identity(NamedTuple):
    """Each None where it is missing or not valid."""

    id: str | None
    tenant: str | None
    user: str | None


class _Head(msgspec.Struct):
    id: Any = None
    tenant: Any = None
    user: Any = None


_head = msgspec.json.Decoder(_Head)


def read_identity(body: bytes) -> Identity:
    """Return the id, the tenant and the user at the top level of a request's bytes, as far as they can be read.

    What else is wrong with the bytes does not matter, unless they hold more than one value: then which request the
    id belongs to is not certain, and it is not read.
    """
    try:
        head = _head.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        head = _head_of_malformed(body)
    return Identity(_checked(_id, head.id), tenant_name(head.tenant), _checked(_user, head.user))


def tenant_name(candidate: object) -> str | None:
    """Return a tenant's name when this is one, else None."""
    return _checked(_tenant, candidate)


def _head_of_malformed(body: bytes) -> _Head:
    head = _Head()
    sketch = outline(body, MAX_MEMBERS)
    if sketch.complete and body[sketch.rest :].strip(_TRAILING):
        return head
    for member in sketch.members:
        name = _text(member.key or b"")
        if name in _Head.__struct_fields__:
            setattr(head, name, _text(body[member.start : member.end]))
    return head


def _text(json: bytes) -> str | None:
    try:
        return msgspec.json.decode(json, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _checked(adapter: TypeAdapter[str], candidate: object) -> str | None:
    try:
        return adapter.validate_python(candidate, strict=True)
    except ValidationError:
        return None
