from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import settings as modest
from hypothesis import strategies as st

from agents.providers.retries import backoff, pause_before_retry
from schemas.errors import ProviderError, ProviderOverloaded, ProviderRefused, ProviderTimeout, ProviderUnreadable
from tests.unit.providers.calls import settings

PATIENT = settings(attempts=3, backoff_seconds=0.25, backoff_max_seconds=10)
BUSY = ProviderOverloaded("provider_overloaded", "status 500")


@pytest.mark.parametrize(("failures", "longest"), [(1, 0.25), (2, 0.5), (3, 1.0), (7, 10.0), (5000, 10.0)])
def test_pauses_double_up_to_the_cap_and_are_jittered_in_full(failures: int, longest: float) -> None:
    assert backoff(PATIENT, failures, 0.0) == 0
    assert backoff(PATIENT, failures, 0.5) == longest / 2


def test_what_the_provider_asks_for_comes_first() -> None:
    assert backoff(PATIENT, 1, 0.0, retry_after=3) == 3
    assert backoff(PATIENT, 1, 0.5, retry_after=3) == 3.125
    assert backoff(PATIENT, 1, 0.0, retry_after=30) == 30


@modest(max_examples=50)
@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 1e9))
def test_a_pause_lies_between_what_was_asked_for_and_the_cap_on_top(
    failures: int, draw: float, retry_after: float | None
) -> None:
    asked = retry_after or 0.0
    assert asked <= backoff(PATIENT, failures, draw, retry_after) <= asked + PATIENT.backoff_max_seconds


def pause(error: ProviderError, failures: int = 1, seconds_left: float = math.inf) -> float | None:
    return pause_before_retry(error, PATIENT, failures=failures, seconds_left=seconds_left, draw=0.5)


@pytest.mark.parametrize("error", [BUSY, ProviderTimeout("t", "late"), ProviderUnreadable("u", "garbled")])
def test_retryable_failures_are_repeated_until_the_attempts_are_used_up(error: ProviderError) -> None:
    assert pause(error, failures=1) == 0.125
    assert pause(error, failures=2) == 0.25
    assert pause(error, failures=3) is None


@pytest.mark.parametrize("error", [ProviderRefused("r", "status 400"), ProviderError("p", "unspecified")])
def test_refusals_are_not_repeated(error: ProviderError) -> None:
    assert pause(error) is None


def test_no_pause_outlasts_the_deadline() -> None:
    assert pause(BUSY, seconds_left=0.126) == 0.125
    assert pause(BUSY, seconds_left=0.125) is None
