"""CloudEvents in Kafka's binary mode: attributes as `ce_*` headers, the event's JSON as the value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import msgspec

from streams.topics import Topic

Header = tuple[str, bytes]
Headers = list[Header]

SPEC_VERSION = b"1.0"
CONTENT_TYPE = b"application/json"
REMEMBERED_TENANTS = 4_096
RESTORED_HEADER = "asahi_restored"
"""Marks an event republished from the archive: known facts, not news."""

_SPEC_VERSION: Header = ("ce_specversion", SPEC_VERSION)
_CONTENT_TYPE: Header = ("content-type", CONTENT_TYPE)
_json = msgspec.json.Encoder()


class Publication(NamedTuple):
    """One message to publish; `value` is the encoded event, and None removes what the key is about.

    Nobody changes the headers once they are given.
    """

    value: bytes | None
    key: bytes | None = None
    headers: Headers = []


def cloud_event(
    topic: Topic, event_id: str, tenant: str | None, time: datetime, value: bytes, *, key: bytes | None = None
) -> Publication:
    """Return a public event as a publication.

    Args:
        topic: Where it goes; gives the event's type.
        event_id: Unique per source: the same fact always has the same id.
        tenant: Becomes part of the source, and the key unless `key` is given.
        time: When the fact occurred.
        value: The event's JSON.
        key: The message key, where it is not the tenant.
    """
    source, tenant_key = _of_tenant(tenant)
    headers = [
        _SPEC_VERSION,
        ("ce_id", event_id.encode()),
        _of_type(topic.ce_type),
        source,
        ("ce_time", _json.encode(time)[1:-1]),  # as the event writes its own times; isoformat costs ten times as much
        _CONTENT_TYPE,
    ]
    return Publication(value, tenant_key if key is None else key, headers)


@lru_cache(REMEMBERED_TENANTS)
def _of_tenant(tenant: str | None) -> tuple[Header, bytes | None]:
    """Return the source and the key of a tenant's events."""
    return ("ce_source", f"asahi/{tenant or ''}".encode()), (tenant or "").encode() or None


@lru_cache
def _of_type(ce_type: str | None) -> Header:
    return ("ce_type", (ce_type or "").encode())


def header(headers: Sequence[tuple[str, bytes]], name: str) -> bytes | None:
    """Return the first header of this name, or None."""
    return next((value for key, value in headers if key == name), None)
