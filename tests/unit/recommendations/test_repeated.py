"""Repeated questions: replayed as the cache itself would have served them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cache.exact import Cache, Entry
from agents.cache.fingerprint import fingerprint_of
from agents.recommendations.kinds.cacheable import CACHEABLE
from agents.recommendations.kinds.truncated import TRUNCATED
from schemas.batch import Target
from schemas.effective_policy import EffectivePolicy, Ruling
from schemas.policy import CacheMode
from schemas.prices import NOTHING
from schemas.recommendation import RecommendationMade
from schemas.wire import Answer, Tokens
from tests.unit.recommendations.made import TENANT, case, made

EACH = Decimal("0.0016")
BYPASS: dict[str, Any] = {"cache": {"directive": "bypass"}}
OFF = EffectivePolicy(cache=Ruling(CacheMode.OFF, "team search"))


def repeated(*times: float, **fields: Any) -> list[Any]:
    return [case(number, at=at, prompt="the same", **fields) for number, at in enumerate(times)]


def only(facts: list[Any]) -> RecommendationMade:
    (found,) = made(CACHEABLE, facts)
    return found


def test_a_directive_keeps_answers_from_being_served() -> None:
    found = only([case(99, prompt="the same"), *repeated(10, 20, 30, **BYPASS)])
    assert (found.saving_usd, found.after_usd, found.requests) == (3 * EACH, NOTHING, 3)
    assert 'leave out "directive"' in found.change


def test_who_comes_while_it_is_answered_would_have_waited() -> None:
    found = only(repeated(0, 0.5, took=5.0, **BYPASS))
    assert found.saving_usd == EACH


def test_the_shortest_time_to_live_that_saves_most_is_named() -> None:
    found = only(repeated(0, 1_000, 2_000))
    assert (found.saving_usd, found.evidence["time to live"]) == (2 * EACH, "3,600 s")
    found = only(repeated(0, 1_000, 5_000))
    assert (found.saving_usd, found.evidence["time to live"]) == (2 * EACH, "86,400 s")


def test_a_request_may_want_fresher_answers_than_its_tenant() -> None:
    found = only(repeated(0, 50, cache={"ttl_seconds": 10}))
    assert found.saving_usd == EACH
    assert 'leave out "ttl_seconds"' in found.change


def test_a_policy_forbids_the_cache() -> None:
    found = only(repeated(0, 50, policy=OFF))
    assert found.saving_usd == EACH
    assert "governance teams set search --tenant acme --set policy.cache=use" in found.change


@pytest.mark.parametrize(
    "facts",
    [
        repeated(0, 1, 2),  # the cache had no room for it: nothing to set
        [case(0, prompt="one", **BYPASS), case(1, prompt="another", at=5, **BYPASS)],
        repeated(0, 150, **BYPASS),
        repeated(0, 50, policy=OFF, **BYPASS),
        repeated(0, 50, finish="content_filter", **BYPASS),
        [
            case(0, prompt="it"),
            case(1, prompt="it", at=5, tenant=TENANT.model_copy(update={"tenant": "zeta"}), **BYPASS),
        ],
    ],
    ids=["evicted", "another question", "too old", "two causes", "not kept", "another tenant"],
)
def test_nothing_would_have_been_served(facts: list[Any]) -> None:
    assert made(CACHEABLE, facts) == []


@settings(max_examples=80, deadline=None)
@given(
    asked=st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ab"), st.booleans()), max_size=25),
    portion=st.integers(1, 7),
)
def test_what_is_saved_is_what_the_cache_would_have_served(asked: list[tuple[int, str, bool]], portion: int) -> None:
    at, facts = 0, []
    for number, (pause, prompt, bypass) in enumerate(asked):
        at += pause
        facts.append(case(number, at=at, took=0.0, prompt=prompt, **(BYPASS if bypass else {})))
    cache = Cache(1_000, 10**9)
    would = Decimal(0)
    for one in facts:
        question, now = fingerprint_of(one.request), one.received
        served = cache.get(question, now, TENANT.cache_ttl_seconds) is not None
        if served and one.request.cache.directive == "bypass":
            would += one.result.cost_usd
            continue
        entry = Entry(Answer("x"), Tokens(), Target("rival", "open"), one.request.id, now, now + 100, 1)
        cache.put(question, entry, now)
    found = [each.saving_usd for each in made(CACHEABLE, facts, portion=portion) if "bypass" in each.summary]
    assert found == ([would] if would else [])


def test_an_answer_cut_off_and_asked_for_again() -> None:
    cut = case(0, finish="length", prompt="list", sampling={"max_output_tokens": 50}, task_type="extraction")
    whole = case(1, at=60, prompt="list", sampling={"max_output_tokens": 400}, task_type="extraction")
    (found,) = made(TRUNCATED, [cut, whole])
    assert (found.saving_usd, found.requests, found.task_type) == (EACH, 1, "extraction")
    assert '"max_output_tokens": 200' in found.change


def test_an_answer_cut_off_that_nobody_asked_for_again() -> None:
    cut: dict[str, Any] = {"finish": "length", "prompt": "list", "sampling": {"max_output_tokens": 50}}
    assert made(TRUNCATED, [case(0, **cut), case(1, at=60, **cut)]) == []
    assert made(TRUNCATED, [case(0, **cut), case(1, at=60, prompt="another")]) == []
    at_once = case(1, at=0.5, prompt="list")
    assert made(TRUNCATED, [case(0, took=5.0, **cut), at_once]) == []
