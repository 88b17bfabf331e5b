from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.windows.boundaries import LEAST_STEP, Kind, boundaries_of
from tests.flow.journeys import a_request

KEY = b"k" * 32
MOST = 32
DOCUMENT = "".join(f"Line {number} of the document, as long as lines are.\n" for number in range(400))

texts = st.text("ab\n", max_size=60).map(lambda text: text * 100)
lines = st.lists(st.text("xyz", max_size=200), max_size=40).map("\n".join)


def digests(least: int = 0, most: int = MOST, **fields: Any) -> list[bytes]:
    return [each.digest for each in boundaries_of(a_request(**fields), KEY, least, most)]


def asking(*contents: Any, **fields: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": content} for index, content in enumerate(contents)]
    return {"messages": messages, **fields}


def test_a_question_behind_a_document_ends_it() -> None:
    first = boundaries_of(a_request(prompt=f"{DOCUMENT}\nWhy?"), KEY, 1_024, MOST)
    other = boundaries_of(a_request(prompt=f"{DOCUMENT}\nAnd when was that?\nAnd where?"), KEY, 1_024, MOST)
    assert [each.digest for each in first] == [each.digest for each in other]
    assert first[-1].kind is Kind.PARAGRAPH
    assert first[-1].into == len(DOCUMENT) + 1
    assert first[-1].tokens > 4_000


def test_nothing_short_has_a_boundary() -> None:
    assert digests(1_024, prompt="Why?") == []
    assert digests(1_024, **asking("Why?", "Because.", "So?")) == []


def test_tenant_tools_form_and_key_tell_beginnings_apart() -> None:
    plain = asking(DOCUMENT, "Yes.", "So?")
    found = [
        digests(**plain),
        digests(**plain, tenant="other"),
        digests(**plain, tools=[{"type": "function", "function": {"name": "f"}}]),
        digests(**plain, response_format={"type": "json_object"}),
        [each.digest for each in boundaries_of(a_request(**plain), b"other" * 6, 0, MOST)],
    ]
    assert all(not set(one) & set(other) for index, one in enumerate(found) for other in found[:index])


def test_content_parts_end_beginnings() -> None:
    parts = [{"type": "text", "text": DOCUMENT}, {"type": "text", "text": "Why?"}]
    [behind_document, end] = boundaries_of(a_request(**asking(parts)), KEY, 1_024, MOST)
    assert (behind_document.kind, behind_document.messages, behind_document.into) == (Kind.PART, 0, 1)
    assert (end.kind, end.messages, end.into) == (Kind.END, 1, 0)
    assert behind_document.digest in digests(**asking([parts[0], {"type": "text", "text": "When?"}]))


def test_of_too_many_the_first_and_the_last_stay() -> None:
    request = a_request(**asking(*["turn"] * 201))
    every = boundaries_of(request, KEY, 0, 1_000)
    kept = boundaries_of(request, KEY, 0, 10)
    assert kept == every[:4] + every[-6:]


@settings(max_examples=25, deadline=None)
@given(texts, texts, texts)
def test_the_end_of_a_turn_is_a_boundary_of_the_next_one(first: str, said: str, then: str) -> None:
    turn = digests(**asking(first))
    assert turn[-1] in digests(**asking(first, said, then))
    whole = digests(most=1_000, **asking(first, said))
    assert set(whole[-1:]) <= set(digests(most=1_000, **asking(first, said, then)))


@settings(max_examples=25, deadline=None)
@given(lines, lines, lines)
def test_a_boundary_means_the_very_same_beginning(shared: str, one: str, other: str) -> None:
    """Equal digests stand for equal texts before them, and what is alike for long enough has the same boundaries."""
    texts = (shared + one, shared + other)
    found = [boundaries_of(a_request(prompt=text or "x"), KEY, 0, 1_000) for text in texts]
    by_digest = [{each.digest: each for each in boundaries} for boundaries in found]
    for digest in by_digest[0].keys() & by_digest[1].keys():
        into = by_digest[0][digest].into
        assert into == by_digest[1][digest].into
        assert texts[0][:into] == texts[1][:into]
    places = [
        {each.into for each in boundaries if each.kind is Kind.LINE and each.into <= len(shared)}
        for boundaries in found
    ]
    paragraphs = {each.into for boundaries in found for each in boundaries if each.kind is Kind.PARAGRAPH}
    assert places[0] - paragraphs == places[1] - paragraphs


@settings(max_examples=25, deadline=None)
@given(st.lists(lines, min_size=1, max_size=4), st.integers(2, 12))
def test_boundaries_are_bounded_and_in_order(contents: list[str], most: int) -> None:
    found = boundaries_of(a_request(**asking(*contents)), KEY, 0, most)
    assert len(found) <= most
    places = [(each.messages, each.into) for each in found]
    assert places == sorted(places)
    assert [each.tokens for each in found] == sorted(each.tokens for each in found)
    last = [each.into for each in found if each.kind is Kind.LINE and each.messages == len(contents) - 1]
    assert all(after - before >= LEAST_STEP for before, after in pairwise(last))
