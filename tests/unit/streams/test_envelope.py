from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from streams.envelope import cloud_event, header
from streams.topics import DISPATCH, RESULTS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_public_event_is_a_cloud_event_in_binary_mode() -> None:
    event = cloud_event(RESULTS, "r1", "acme", NOON, b'{"id":"r1"}')
    assert event.value == b'{"id":"r1"}'
    assert event.key == b"acme"
    assert dict(event.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"r1",
        "ce_type": b"asahi.result.produced.v1",
        "ce_source": b"asahi/acme",
        "ce_time": b"2026-11-23T12:00:00Z",
        "content-type": b"application/json",
    }


@pytest.mark.parametrize(
    ("tenant", "key", "wanted"),
    [
        ("acme", None, b"acme"),
        ("acme", b"own", b"own"),
        ("acme", b"", b""),
        (None, None, None),
        ("", None, None),
        ("süd", None, "süd".encode()),
    ],
)
def test_the_key_is_the_tenant_unless_another_is_given(
    tenant: str | None, key: bytes | None, wanted: bytes | None
) -> None:
    assert cloud_event(RESULTS, "r1", tenant, NOON, b"{}", key=key).key == wanted


def test_what_an_event_lacks_is_empty_and_its_time_keeps_the_zone() -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    event = cloud_event(DISPATCH, "ü", None, tokyo, b"")
    assert header(event.headers, "ce_type") == b""
    assert header(event.headers, "ce_source") == b"asahi/"
    assert header(event.headers, "ce_id") == "ü".encode()
    assert datetime.fromisoformat((header(event.headers, "ce_time") or b"").decode()) == NOON


def test_the_first_header_of_a_name_counts() -> None:
    headers = [("a", b"1"), ("b", b"2"), ("a", b"3")]
    assert header(headers, "a") == b"1"
    assert header(headers, "c") is None
