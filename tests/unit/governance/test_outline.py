from __future__ import annotations

import json

from hypothesis import given

from agents.governance.outline import MAX_TOKENS, outline
from tests.unit.governance.strategies import Document, documents, encoded, modest

PLENTY = 100


def members_of(text: bytes) -> list[tuple[bytes | None, bytes]]:
    return [(member.key, text[member.start : member.end]) for member in outline(text, PLENTY).members]


@modest
@given(documents)
def test_an_object_has_the_members_its_parser_finds(document: Document) -> None:
    found = {json.loads(key or b""): json.loads(value) for key, value in members_of(encoded(document))}
    assert found == document


@modest
@given(documents)
def test_an_array_has_the_elements_its_parser_finds(document: Document) -> None:
    elements = list(document.values())
    assert [json.loads(value) for _, value in members_of(encoded(elements))] == elements


def test_brackets_and_quotes_inside_strings_are_text() -> None:
    assert members_of(rb'["]},:[", "\"", "\\"]') == [(None, rb'"]},:["'), (None, rb' "\""'), (None, rb' "\\"')]


def test_what_the_members_hold_need_not_be_json() -> None:
    assert members_of(b'{"a":NaN,"b":tru e,c:1}') == [(b'"a"', b"NaN"), (b'"b"', b"tru e"), (b'"b"', b"1")]


def test_an_empty_container_has_no_members() -> None:
    assert outline(b" { } ", PLENTY) == ([], True, 4, None)


def test_a_text_that_breaks_off_has_the_members_before() -> None:
    sketch = outline(b'{"a":1,"b":"open', PLENTY)
    assert [member.key for member in sketch.members] == [b'"a"']
    assert (sketch.complete, sketch.rest, sketch.open_key) == (False, 11, b'"b"')


def test_it_ends_with_the_outermost_bracket() -> None:
    sketch = outline(b"[1] [2]", PLENTY)
    assert (len(sketch.members), sketch.complete, sketch.rest) == (1, True, 3)


def test_a_scalar_has_no_members() -> None:
    assert outline(b'"text" [1]', PLENTY) == ([], False, 0, None)


def test_it_stops_after_so_many_members() -> None:
    sketch = outline(b"[1,2,3,4]", 2)
    assert [(member.start, member.end) for member in sketch.members] == [(1, 2), (3, 4)]
    assert (sketch.complete, sketch.rest) == (False, 5)


def test_it_gives_up_on_endless_brackets() -> None:
    sketch = outline(b"[" * MAX_TOKENS + b"]" * MAX_TOKENS, PLENTY)
    assert (sketch.members, sketch.complete, sketch.rest) == ([], False, 1)
