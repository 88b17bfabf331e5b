"""CloudEvents in Kafka's binary mode: attributes as `ce_*` headers, the event's JSON as the value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from streams.topics import Topic

SPEC_VERSION = b"1.0"
CONTENT_TYPE = b"application/json"
RESTORED_HEADER = "asahi_restored"
"""Marks an event republished from the archive: known facts, not news."""

Headers = list[tuple[str, bytes]]


class Publication(NamedTuple):
    """One message to publish; `value` is the encoded event. Nobody changes the headers once they are given."""

    value: bytes
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
    headers = [
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", event_id.encode()),
        ("ce_type", (topic.ce_type or "").encode()),
        ("ce_source", f"asahi/{tenant or ''}".encode()),
        ("ce_time", time.isoformat().encode()),
        ("content-type", CONTENT_TYPE),
    ]
    return Publication(value, key if key is not None else (tenant or "").encode() or None, headers)


def header(headers: Sequence[tuple[str, bytes]], name: str) -> bytes | None:
    """Return the first header of this name, or None."""
    return next((value for key, value in headers if key == name), None)
