from __future__ import annotations

from streams.archive.message import Archived
from streams.envelope import RESTORED_HEADER


def archived(**changes: object) -> Archived:
    row: dict[str, object] = {
        "cluster": b"log-1",
        "partition": 3,
        "offset": 17,
        "key": b"demo",
        "value": b"{}",
        "headers": {b"content-type": b"application/json"},
        "ce_id": b"r-1",
        "ce_type": b"t",
        "ce_source": b"s",
        "ce_time": b"2026-11-23T10:00:00Z",
        "timestamp_ms": 1_790_000_000_000,
    }
    return Archived.of(list((row | changes).values()))


def test_message_is_sent_as_it_was_and_marked() -> None:
    again = archived().publication(b"{}")
    assert (again.key, again.value) == (b"demo", b"{}")
    assert dict(again.headers) == {
        "content-type": b"application/json",
        "ce_id": b"r-1",
        "ce_type": b"t",
        "ce_source": b"s",
        "ce_time": b"2026-11-23T10:00:00Z",
        RESTORED_HEADER: b"log-1/3/17",
    }


def test_bare_message_gets_no_attributes() -> None:
    bare = archived(key=None, headers={}, ce_id=b"", ce_type=b"", ce_source=b"", ce_time=b"")
    assert bare.publication(b"{}").headers == [(RESTORED_HEADER, b"log-1/3/17")]


def test_names_of_headers_may_come_as_text() -> None:
    assert archived(headers={"odd": b"1"}).publication(b"{}").headers[0] == ("odd", b"1")
