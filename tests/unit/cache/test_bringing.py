"""Answers brought back: kept as if they had just been given, and nobody's result."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from agents.cache.bringing import Given, brought_back, objection
from agents.cache.stage import CacheStep
from schemas.effective_policy import UNRESTRICTED, EffectivePolicy, Ruling
from schemas.policy import CacheMode, EncryptionMode, PersonalDataMode
from schemas.request import CacheDirective, CacheOptions
from schemas.settings import IntakeSettings
from schemas.wire import Answer, Tokens
from streams.sealing.codec import read_completions, written_completions
from tests.flow.journeys import BIG, NOW, PARIS, a_journey
from tests.flow.models import three_models

TOKENS = Tokens(input_tokens=1_000, output_tokens=200)
LONGEST = 100


def given(answer: Answer = PARIS, at: float = NOW, **fields: Any) -> Given:
    return Given(a_journey(id="old", **fields).request, answer, TOKENS, BIG, at)


def bring(one: Given, policy: EffectivePolicy = UNRESTRICTED) -> CacheStep:
    """Return a cache that this answer was brought back into, by way of the log."""
    cache = CacheStep(IntakeSettings(), three_models())
    tenant = a_journey().tenant
    assert tenant is not None
    completion = brought_back(one, tenant, policy, 0, LONGEST)
    if completion is not None:
        [read] = read_completions(written_completions([completion]))
        assert read.brought_back
        flow = cache.complete(read, NOW)
        assert (flow.onward, flow.ended) == ([], [])
    return cache


def test_the_same_question_gets_it_with_what_it_is_worth() -> None:
    cache = bring(given())
    flow = cache.process([a_journey(id="new")], NOW + 1)
    [(_, result)] = flow.ended
    assert (result.output, result.usage) == (PARIS, TOKENS)
    assert result.cache is not None
    assert result.cache.source_request_id == "old"
    assert Decimal(result.savings.cache_exact or 0) > 0


def test_it_ages_from_when_it_was_given() -> None:
    tenant = a_journey().tenant
    assert tenant is not None
    old = bring(given(at=NOW - tenant.cache_ttl_seconds + 10))
    assert old.process([a_journey(id="in-time")], NOW + 9).ended
    assert old.process([a_journey(id="late")], NOW + 10).onward
    assert bring(given(at=NOW - tenant.cache_ttl_seconds)).entries == 0


def test_whoever_waits_for_the_same_question_gets_it() -> None:
    cache = CacheStep(IntakeSettings(), three_models())
    tenant = a_journey().tenant
    assert tenant is not None
    leader, waiting = a_journey(id="leader"), a_journey(id="waiting")
    assert cache.process([leader, waiting], NOW).onward == [leader]
    completion = brought_back(given(), tenant, UNRESTRICTED, 0, LONGEST)
    assert completion is not None
    assert [journey for journey, _ in cache.complete(completion, NOW).ended] == [waiting]


@pytest.mark.parametrize(
    "one",
    [
        given(Answer(None, None, "stop")),
        given(Answer("Par", None, "content_filter")),
        given(cache=CacheOptions(directive=CacheDirective.BYPASS)),
    ],
)
def test_what_the_cache_would_not_have_kept_is_not_brought_back(one: Given) -> None:
    assert bring(one).entries == 0


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (EffectivePolicy(cache=Ruling(CacheMode.READ_ONLY, "tenant acme")), "fill the cache"),
        (EffectivePolicy(cache=Ruling(CacheMode.OFF, "tenant acme")), "fill the cache"),
        (EffectivePolicy(encryption=Ruling(EncryptionMode.TENANT, "tenant acme")), "encrypted"),
        (EffectivePolicy(personal_data=Ruling(PersonalDataMode.PSEUDONYMIZE, "tenant acme")), "personal data"),
        (EffectivePolicy(personal_data=Ruling(PersonalDataMode.REDACT, "team search")), "personal data"),
    ],
)
def test_policies_under_which_an_answer_is_another_keep_it_out(policy: EffectivePolicy, why: str) -> None:
    assert why in (objection(policy) or "")
    assert bring(given(), policy).entries == 0


def test_answers_under_other_rules_are_not_shared() -> None:
    cache = bring(given(), EffectivePolicy(sharing="models big"))
    assert cache.entries == 1
    assert cache.process([a_journey(id="new")], NOW + 1).onward


def test_the_question_comes_with_it_where_the_policy_wants_it_compared() -> None:
    tenant = a_journey().tenant
    assert tenant is not None
    policy = EffectivePolicy(semantic_error_bound=Ruling(0.02, "tenant acme"))
    completion = brought_back(given(), tenant, policy, 0, LONGEST)
    assert completion is not None
    assert completion.passenger.asked is not None
    bare = brought_back(given(), tenant, UNRESTRICTED, 0, LONGEST)
    assert bare is not None
    assert bare.passenger.asked is None
