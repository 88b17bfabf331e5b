from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cache.exact import Cache, Entry, size_of, worth_keeping
from schemas.wire import Answer, Tokens
from tests.flow.journeys import BIG, PARIS


def entry(*, filled: float = 0.0, expires: float = 100.0, size: int = 10, source: str = "r1") -> Entry:
    return Entry(PARIS, Tokens(), BIG, source, filled, expires, size)


@pytest.fixture
def cache() -> Cache:
    return Cache(max_entries=3, max_bytes=100)


def test_an_answer_is_found_until_it_expires(cache: Cache) -> None:
    kept = entry(expires=100.0)
    assert cache.put("f", kept, now=0.0)
    assert cache.get("f", 99.9, math.inf) is kept
    assert cache.get("f", 100.0, math.inf) is None
    assert len(cache) == 0
    assert cache.used_bytes == 0


def test_a_reader_may_want_a_younger_answer_without_taking_it_from_others(cache: Cache) -> None:
    cache.put("f", entry(filled=0.0), now=0.0)
    assert cache.get("f", 50.0, max_age=50.0) is None
    assert cache.get("f", 50.0, max_age=51.0) is not None


def test_the_least_recently_used_goes_first(cache: Cache) -> None:
    for name in "abc":
        cache.put(name, entry(), now=0.0)
    cache.get("a", 1.0, math.inf)
    cache.put("d", entry(), now=1.0)
    assert [name for name in "abcd" if cache.get(name, 1.0, math.inf)] == ["a", "c", "d"]


def test_large_answers_push_out_as_many_as_they_need(cache: Cache) -> None:
    cache.put("a", entry(size=40), now=0.0)
    cache.put("b", entry(size=40), now=0.0)
    cache.put("c", entry(size=90), now=0.0)
    assert [name for name in "abc" if cache.get(name, 0.0, math.inf)] == ["c"]
    assert cache.used_bytes == 90


def test_an_answer_larger_than_the_cache_pushes_nobody_out(cache: Cache) -> None:
    cache.put("a", entry(), now=0.0)
    assert not cache.put("b", entry(size=101), now=0.0)
    assert cache.get("a", 0.0, math.inf) is not None


def test_a_newer_answer_replaces_an_older_one_and_not_the_other_way(cache: Cache) -> None:
    cache.put("f", entry(filled=10.0, source="newer"), now=10.0)
    assert not cache.put("f", entry(filled=5.0, source="older"), now=10.0)
    assert cache.put("f", entry(filled=11.0, size=20, source="newest"), now=11.0)
    found = cache.get("f", 12.0, math.inf)
    assert found is not None
    assert found.source_request_id == "newest"
    assert cache.used_bytes == 20


def test_an_expired_answer_is_not_kept(cache: Cache) -> None:
    assert not cache.put("f", entry(expires=5.0), now=5.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 120), st.floats(0, 50)), max_size=30))
def test_it_never_exceeds_its_bounds_and_counts_its_bytes(puts: list[tuple[str, int, float]]) -> None:
    cache = Cache(max_entries=3, max_bytes=100)
    for now, (name, size, lifetime) in enumerate(puts):
        cache.put(name, entry(filled=now, expires=now + lifetime, size=size), now=float(now))
        cache.get(name, now + 1.0, math.inf)
        assert len(cache) <= 3
        assert 0 <= cache.used_bytes <= 100
        assert (cache.used_bytes == 0) == (len(cache) == 0)


CALL = [{"id": "1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}]


@pytest.mark.parametrize("reason", [None, "stop", "length", "function_call"])
def test_whole_and_cut_answers_are_worth_keeping(reason: str | None) -> None:
    assert worth_keeping(Answer("Paris", None, reason))


def test_tool_calls_are_worth_keeping() -> None:
    assert worth_keeping(Answer(None, CALL, "tool_calls"))


@pytest.mark.parametrize("reason", ["content_filter", "error", "something new"])
def test_what_the_provider_may_answer_otherwise_next_time_is_not(reason: str) -> None:
    assert not worth_keeping(Answer("Par", None, reason))


@pytest.mark.parametrize("answer", [Answer(), Answer("", None, "stop"), Answer(None, [], "stop")])
def test_nothing_said_is_not_worth_keeping(answer: Answer) -> None:
    assert not worth_keeping(answer)


def test_the_size_grows_with_text_and_tool_calls() -> None:
    assert size_of(Answer("x" * 5000)) - size_of(Answer("x" * 1000)) == 4000
    assert size_of(Answer(None, CALL)) > size_of(Answer()) > 0
