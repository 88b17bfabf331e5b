from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.model import RequestId
from streams.submission.identity import Asking, id_of_custom, id_of_line, submission_id
from streams.submission.source import Fingerprint

CONTENT = Fingerprint("ab", 3, 1)
ASKING = Asking("demo")
VALID = TypeAdapter(RequestId)


def test_a_submission_is_known_by_its_content_and_by_what_changes_its_requests() -> None:
    same = submission_id(CONTENT, ASKING)
    assert same == submission_id(Fingerprint("ab", 3, 1), Asking("demo"))
    assert re.fullmatch("[0-9a-f]{16}", same)
    others = [
        msgspec.structs.replace(ASKING, tenant="other"),
        msgspec.structs.replace(ASKING, autopilot=True),
        msgspec.structs.replace(ASKING, deadline="2026-11-23T00:00:00+00:00"),
        msgspec.structs.replace(ASKING, name="again"),
    ]
    ids = {submission_id(CONTENT, other) for other in others} | {submission_id(Fingerprint("cd", 3, 1), ASKING)}
    assert len(ids) == 5
    assert same not in ids


def test_ids_are_readable_where_they_can_be() -> None:
    assert id_of_line("abcd", 17) == "abcd:17"
    assert id_of_custom("abcd", "task-1") == "abcd/task-1"


@pytest.mark.parametrize("custom_id", ["two words", "é", "x" * 300, "\ud800", "line\nbreak"])
def test_a_custom_id_that_cannot_be_part_of_an_id_is_hashed(custom_id: str) -> None:
    assert re.fullmatch("abcd/~[0-9a-f]{32}", id_of_custom("abcd", custom_id))


CUSTOM_IDS = st.text(min_size=1, max_size=8) | st.sampled_from(["x" * 183, "x" * 184])


@settings(max_examples=50)
@given(CUSTOM_IDS, CUSTOM_IDS)
def test_every_custom_id_gives_a_valid_id_of_its_own(one: str, other: str) -> None:
    VALID.validate_python(id_of_custom("0123456789abcdef", one))
    assert (id_of_custom("s", one) == id_of_custom("s", other)) == (one == other)
