from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime

import pytest

from schemas.wire import ProblemRecord
from streams.deadletters import dead_letter
from streams.records import Record

RECORD = Record("asahi.requests", 3, 41, b"ac\xffme", b"[...]", (), 1.0)
PROBLEM = ProblemRecord("internal_error", "a bug", "send it again", "prompt")


def test_it_says_where_it_came_from_and_why() -> None:
    letter = dead_letter(RECORD, 2, "cache", PROBLEM, b"{}", now=1_700_000_000.0, keep_bytes=10, traceback="...")
    assert letter.id == "asahi.requests/3/41/2"
    assert (letter.source_topic, letter.source_partition, letter.source_offset) == ("asahi.requests", 3, 41)
    assert (letter.stage, letter.code, letter.reason) == ("cache", "internal_error", "a bug")
    assert (letter.remedy, letter.field, letter.traceback) == ("send it again", "prompt", "...")
    assert letter.occurred_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert letter.key == "ac\ufffdme"


@pytest.mark.parametrize(("size", "kept", "truncated"), [(0, 0, False), (10, 10, False), (11, 10, True)])
def test_at_most_so_many_bytes_are_kept(size: int, kept: int, truncated: bool) -> None:
    value = bytes(range(size))
    keyless = Record("t", 0, 0, None, value, (), 1.0)
    letter = dead_letter(keyless, 0, "cache", PROBLEM, value, now=0.0, keep_bytes=10)
    assert b64decode(letter.value_base64) == value[:kept]
    assert (letter.size, letter.truncated) == (size, truncated)
    assert (letter.key, letter.traceback) == (None, None)
