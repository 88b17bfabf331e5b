from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cache.exact import Cache, Entry, size_of, worth_keeping
from agents.cache.portion import FEW_RANKS, STALE_RANKS
from schemas.wire import Answer, Tokens
from tests.flow.journeys import BIG, PARIS


def entry(
    *,
    filled: float = 0.0,
    expires: float = 100.0,
    size: int = 10,
    source: str = "r1",
    tenant: str = "acme",
    worth: float = 1.0,
) -> Entry:
    return Entry(PARIS, Tokens(), BIG, source, filled, expires, size, tenant=tenant, worth=worth)


def kept(cache: Cache, names: Iterable[str], now: float = 0.0) -> list[str]:
    """Return which of these are kept; looking is a use, so this comes last."""
    return [name for name in names if cache.get(name, now, math.inf)]


@pytest.fixture
def cache() -> Cache:
    return Cache(max_entries=3, max_bytes=100)


def test_an_answer_is_found_until_it_expires(cache: Cache) -> None:
    one = entry(expires=100.0)
    assert cache.put("f", one, now=0.0)
    assert cache.get("f", 99.9, math.inf) is one
    assert cache.get("f", 100.0, math.inf) is None
    assert len(cache) == 0
    assert cache.used_bytes == 0


def test_a_reader_may_want_a_younger_answer_without_taking_it_from_others(cache: Cache) -> None:
    cache.put("f", entry(filled=0.0), now=0.0)
    assert cache.get("f", 50.0, max_age=50.0) is None
    assert cache.get("f", 50.0, max_age=51.0) is not None


def test_of_equal_answers_the_one_unused_for_longest_goes_first(cache: Cache) -> None:
    for name in "abc":
        cache.put(name, entry(), now=0.0)
    cache.get("a", 1.0, math.inf)
    cache.put("d", entry(), now=1.0)
    assert kept(cache, "abcd", 1.0) == ["a", "c", "d"]


def test_what_saves_the_least_money_for_its_bytes_goes_first(cache: Cache) -> None:
    cache.put("dear", entry(worth=9.0), now=0.0)
    cache.put("cheap", entry(worth=1.0), now=0.0)
    cache.put("large", entry(worth=9.0, size=70), now=0.0)
    assert cache.put("dearer", entry(worth=10.0), now=0.0)
    assert cache.put("dearest", entry(worth=11.0), now=0.0)
    assert kept(cache, ["dear", "cheap", "large", "dearer", "dearest"]) == ["dear", "dearer", "dearest"]


def test_an_answer_worth_less_than_all_that_would_go_for_it_is_not_kept(cache: Cache) -> None:
    for name in "abc":
        cache.put(name, entry(), now=0.0)
    assert not cache.put("large", entry(size=90), now=0.0)
    assert kept(cache, ["a", "b", "c", "large"]) == ["a", "b", "c"]


def test_what_was_used_often_long_ago_goes_in_the_end(cache: Cache) -> None:
    cache.put("old", entry(), now=0.0)
    for _ in range(20):
        cache.get("old", 0.0, math.inf)
    for number in range(20):
        cache.put(f"n{number}", entry(), now=0.0)
    assert kept(cache, ["old"]) == ["old"]
    for number in range(80):
        cache.put(f"m{number}", entry(), now=0.0)
    assert kept(cache, ["old"]) == []


def test_uses_count_for_the_answer_that_takes_the_place(cache: Cache) -> None:
    cache.put("f", entry(filled=0.0), now=0.0)
    for _ in range(5):
        cache.get("f", 0.0, math.inf)
    cache.put("f", entry(filled=1.0), now=1.0)
    for name in "abc":
        cache.put(name, entry(filled=1.0), now=1.0)
    assert kept(cache, "f", 1.0) == ["f"]


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


def test_a_tenant_holds_no_more_than_its_share() -> None:
    cache = Cache(max_entries=100, max_bytes=100, tenant_share=0.5)
    for number in range(10):
        cache.put(f"a{number}", entry(), now=0.0)
    assert cache.used_bytes == 50
    assert not cache.put("large", entry(size=60), now=0.0)


PUTS = st.lists(
    st.tuples(
        st.sampled_from("abcdef"), st.sampled_from("xyz"), st.integers(1, 120), st.floats(0, 50), st.floats(0, 9)
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(PUTS, st.sampled_from([0.4, 1.0]))
def test_it_never_exceeds_its_bounds_and_counts_its_bytes(
    puts: list[tuple[str, str, int, float, float]], share: float
) -> None:
    cache = Cache(max_entries=4, max_bytes=100, tenant_share=share)
    for now, (name, tenant, size, lifetime, worth) in enumerate(puts):
        one = entry(filled=now, expires=now + lifetime, size=size, tenant=tenant, worth=worth)
        is_kept = cache.put(tenant + name, one, now=float(now))
        held = cache._entries
        assert is_kept == (held.get(tenant + name) is one)
        assert len(cache) == len(held) <= 4
        assert cache.used_bytes == sum(each.size for each in held.values()) <= 100
        for portion_tenant, portion in cache._portions.items():
            sizes = [each.size for each in held.values() if each.tenant == portion_tenant]
            assert portion.entries == len(sizes) <= max(1, int(4 * share))
            assert portion.used_bytes == sum(sizes) <= 100 * share
            assert len(portion._ranks) <= FEW_RANKS + STALE_RANKS * portion.entries
        cache.get(tenant + name, now + 1.0, math.inf)


@settings(max_examples=60, deadline=None)
@given(PUTS, st.lists(st.integers(1, 4), max_size=4))
def test_whoever_holds_an_equal_share_loses_nothing_to_others(
    puts: list[tuple[str, str, int, float, float]], small: list[int]
) -> None:
    cache = Cache(max_entries=16, max_bytes=80)
    mine = [f"small{number}" for number in range(len(small))]
    for name, size in zip(mine, small, strict=True):  # 4 of 16 entries, 16 of 80 bytes: a quarter of what there is
        cache.put(name, entry(size=size, tenant="small", expires=1_000.0, worth=0.0), now=0.0)
    for now, (name, tenant, size, _, worth) in enumerate(puts):
        one = entry(filled=now, expires=1_000.0, size=size, tenant=tenant, worth=worth)
        cache.put(f"{tenant}{name}{now}", one, now=float(now))
    assert kept(cache, mine, 100.0) == mine


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
