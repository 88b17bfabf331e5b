from __future__ import annotations

import pytest

from streams.archive.unfinished import without_finished

ONE = b'{"id": "1", "tenant": "demo", "prompt": "a", "sampling": {"temperature": 1.0}}'
TWO = b'{"tenant":"demo","id":"2","prompt":"b"}'
OTHERS = b'{"tenant":"other","id":"1","prompt":"c"}'


def left(value: bytes, *known: tuple[str, str]) -> bytes | None:
    return without_finished(value, lambda tenant, request_id: (tenant, request_id) in known)


def test_unfinished_request_is_sent_as_it_was() -> None:
    assert left(ONE) == ONE
    bulk = b" [\n" + ONE + b" , " + TWO + b"]"
    assert left(bulk) == bulk


def test_finished_request_is_not_sent() -> None:
    assert left(ONE, ("demo", "1")) is None
    assert left(b"[" + ONE + b"," + TWO + b"]", ("demo", "1"), ("demo", "2")) is None


def test_what_is_left_of_a_bulk_message_is_byte_for_byte_what_was_sent() -> None:
    bulk = b"[" + ONE + b"," + TWO + b", " + OTHERS + b"]"
    assert left(bulk, ("demo", "2")) == b"[" + ONE + b"," + OTHERS + b"]"
    assert left(bulk, ("demo", "1"), ("demo", "2")) == b"[" + OTHERS + b"]"


@pytest.mark.parametrize(
    "value", [b"", b"  ", b"no json", b"[", b"[1, 2]", b"[]", b'{"id": 1}', b'{"id":"1"}', b"\xff\xfe", b"[\xff]"]
)
def test_unreadable_message_is_not_sent(value: bytes) -> None:
    assert left(value) is None


def test_unreadable_part_is_left_out() -> None:
    assert left(b"[" + ONE + b",7," + TWO + b"]", ("demo", "2")) == b"[" + ONE + b"]"
