"""What policies let the cache do, and who shares answers."""

from __future__ import annotations

from agents.cache.stage import CacheStep
from agents.governance.policies import effective_policy
from schemas.policy import CacheMode, Policy
from schemas.settings import IntakeSettings
from streams.stage import Journey
from tests.flow.journeys import NOW, PARIS, a_completion, a_journey, a_passenger
from tests.flow.models import three_models
from tests.unit.governance.scopes import chain


def governed(policy: Policy) -> Journey:
    one = a_journey()
    one.policy = effective_policy(chain({"policy": policy}))
    return one


def filled(policy: Policy) -> CacheStep:
    """Return a cache with the answer to a request under this policy."""
    cache = CacheStep(IntakeSettings(), three_models())
    one = governed(policy)
    cache.process([one], NOW)
    passenger = a_passenger(one.request.id, fingerprint=one.fingerprint)
    cache.complete(a_completion(passenger, answer=PARIS), NOW + 1)
    return cache


def served(cache: CacheStep, one: Journey) -> bool:
    return not cache.process([one], NOW + 2).onward


def test_off_neither_looks_up_nor_fills() -> None:
    one = governed(Policy(cache=CacheMode.OFF))
    assert not served(filled(Policy()), one)
    assert one.fingerprint is None


def test_read_only_looks_up_and_does_not_fill() -> None:
    one = governed(Policy(cache=CacheMode.READ_ONLY))
    assert served(filled(Policy()), one)
    fresh = CacheStep(IntakeSettings(), three_models())
    first, again = governed(Policy(cache=CacheMode.READ_ONLY)), governed(Policy(cache=CacheMode.READ_ONLY))
    assert fresh.process([first, again], NOW).onward == [first, again]
    assert (first.fingerprint, again.fingerprint, fresh.waiting) == (None, None, 0)


def test_answers_given_under_other_rules_are_not_shared() -> None:
    strict = Policy(allowed_models=("small",))
    cache = filled(Policy())
    assert served(cache, governed(Policy(max_input_tokens=900)))
    assert not served(cache, governed(strict))
    assert served(filled(strict), governed(strict))
    assert not served(filled(Policy(max_output_tokens=5)), governed(Policy()))
