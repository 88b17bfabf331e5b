from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from streams.submission.source import Line, fingerprint, read_lines

LONGEST = 40


def lines_of(content: bytes, offset: int = 0, number: int = 0) -> list[Line]:
    return list(read_lines(io.BytesIO(content), offset, number, LONGEST))


def test_lines_are_numbered_as_an_editor_shows_them_and_blank_ones_are_left_out() -> None:
    assert lines_of(b"a\n\n  \r\nb\r\nc") == [Line(1, 2, b"a"), Line(4, 10, b"b"), Line(5, 11, b"c")]


def test_a_byte_order_mark_does_not_belong_to_the_first_line() -> None:
    assert [line.raw for line in lines_of(b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}\n")] == [b"{}", b"\xef\xbb\xbf{}"]


def test_a_line_of_the_longest_length_is_read_and_a_longer_one_comes_without_content() -> None:
    content = b"x" * LONGEST + b"\n" + b"y" * (LONGEST + 1) + b"\nz\n"
    assert lines_of(content) == [Line(1, 41, b"x" * LONGEST), Line(2, 83, None), Line(3, 85, b"z")]


def test_an_overlong_last_line_without_its_newline_ends_the_input() -> None:
    huge = b"y" * 200_000
    assert lines_of(b"a\n" + huge) == [Line(1, 2, b"a"), Line(2, 2 + len(huge), None)]


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=60), max_size=8), st.data())
def test_reading_on_behind_any_line_gives_the_rest(parts: list[bytes], data: st.DataObject) -> None:
    content = b"\n".join(parts)
    lines = lines_of(content)
    if lines:
        place = data.draw(st.integers(0, len(lines) - 1))
        assert lines_of(content, lines[place].end, lines[place].number) == lines[place + 1 :]


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    first, second, third = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    first.write_bytes(b"1\n2")
    second.write_bytes(b"1\n2")
    third.write_bytes(b"1\n2\n")
    assert fingerprint(first) == fingerprint(second)
    assert fingerprint(first).digest != fingerprint(third).digest
    assert [(print_.size, print_.lines) for print_ in map(fingerprint, (first, third))] == [(3, 2), (4, 2)]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert fingerprint(tmp_path / "empty").lines == 0


def test_what_cannot_be_read_again_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="not a regular file"):
        fingerprint(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match=r"missing.jsonl: No such file"):
        fingerprint(tmp_path / "missing.jsonl")
