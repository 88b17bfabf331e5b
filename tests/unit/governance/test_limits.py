from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.governance.limits import MAX_IDLE_TENANTS, RateLimiter, limits_problem, rate_problem
from schemas.request import Request
from schemas.tenant import TenantLimits
from tests.unit.governance.strategies import modest

START = 1_700_000_000.0
UNLIMITED = TenantLimits()


def limits(rate: int, burst: int | None = None) -> TenantLimits:
    return TenantLimits(requests_per_minute=rate, burst=burst)


def accepted(limiter: RateLimiter, held: TenantLimits, now: float, tries: int) -> int:
    return sum(limiter.wait("t", held, now) == 0 for _ in range(tries))


@pytest.mark.parametrize(("rate", "burst", "at_once"), [(60, 1, 1), (60, 5, 5), (7, 7, 7), (6000, None, 6000)])
def test_as_many_as_the_burst_pass_at_once(rate: int, burst: int | None, at_once: int) -> None:
    assert accepted(RateLimiter(), limits(rate, burst), START, at_once + 10) == at_once


def test_after_the_burst_one_passes_per_interval() -> None:
    limiter, held = RateLimiter(), limits(60, 3)
    accepted(limiter, held, START, 3)
    assert limiter.wait("t", held, START) == pytest.approx(1.0)
    assert limiter.wait("t", held, START + 0.75) == pytest.approx(0.25)
    assert limiter.wait("t", held, START + 1.0) == 0
    assert limiter.wait("t", held, START + 1.0) == pytest.approx(1.0)


def test_after_a_pause_the_whole_burst_is_there_and_no_more() -> None:
    limiter, held = RateLimiter(), limits(60, 3)
    accepted(limiter, held, START, 3)
    assert accepted(limiter, held, START + 3600, 10) == 3


def test_a_rejected_request_is_not_counted() -> None:
    limiter, held = RateLimiter(), limits(60, 1)
    accepted(limiter, held, START, 100)
    assert limiter.wait("t", held, START + 1) == 0


def test_tenants_do_not_share_a_rate_and_without_a_limit_everything_passes() -> None:
    limiter, held = RateLimiter(), limits(60, 1)
    assert limiter.wait("t", held, START) == 0
    assert limiter.wait("u", held, START) == 0
    assert limiter.wait("t", held, START) > 0
    assert all(limiter.wait("t", UNLIMITED, START) == 0 for _ in range(10))


def test_a_clock_set_back_neither_raises_nor_opens_the_gate() -> None:
    limiter, held = RateLimiter(), limits(60, 1)
    limiter.wait("t", held, START)
    assert limiter.wait("t", held, START - 10) == pytest.approx(11.0)


def test_idle_tenants_are_forgotten_and_busy_ones_are_not() -> None:
    limiter, held = RateLimiter(), limits(60, 1)
    for number in range(MAX_IDLE_TENANTS):
        limiter.wait(f"idle-{number}", held, START)
    limiter.wait("busy", limits(1, 1), START + 30)
    limiter.wait("new", held, START + 30)
    assert len(limiter) == 2
    assert limiter.wait("busy", limits(1, 1), START + 31) > 0


@modest
@given(
    st.integers(1, 1000),
    st.integers(1, 20),
    st.lists(st.floats(0, 30), min_size=1, max_size=60),
)
def test_never_more_than_rate_and_burst_allow_and_waiting_as_told_is_enough(
    rate: int, burst: int, gaps: list[float]
) -> None:
    limiter, held, now = RateLimiter(), limits(rate, burst), START
    passed: list[float] = []
    for gap in gaps:
        now += gap
        wait = limiter.wait("t", held, now)
        if wait == 0:
            passed.append(now)
            continue
        patient = now + wait + 1e-6
        assert limiter.wait("t", held, patient) == 0
        passed.append(patient)
        now = patient
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            window = passed[last] - passed[first]
            assert last - first + 1 <= burst + window * rate / 60 + 1e-3


def test_the_rejection_says_when_to_come_back() -> None:
    problem = rate_problem(limits(60), 1.2341)
    assert (problem.code, problem.retry_after_seconds) == ("rate_limited", 1.235)
    assert problem.remedy == "wait 1.235 s"


def request(**fields: Any) -> Request:
    return Request.model_validate(
        {"id": "a", "tenant": "t"} | ({"prompt": "p"} if "messages" not in fields else {}) | fields
    )


CHAT = [{"role": "user", "content": "x"}]
SHORT_OUTPUT = TenantLimits(max_output_tokens=100)


@pytest.mark.parametrize(
    ("field", "code", "fields", "held"),
    [
        ("prompt", "input_too_long", {}, TenantLimits(max_input_tokens=9)),
        ("messages", "input_too_long", {"messages": CHAT}, TenantLimits(max_input_tokens=9)),
        ("sampling.max_output_tokens", "output_too_long", {"sampling": {"max_output_tokens": 101}}, SHORT_OUTPUT),
        ("sampling.max_output_tokens", "output_too_long", {}, SHORT_OUTPUT),
        ("model", "model_not_allowed", {"mode": "explicit", "model": "m"}, TenantLimits(allowed_models=("x", "y"))),
        ("model", "model_not_allowed", {"mode": "explicit", "model": "m"}, TenantLimits(allowed_models=())),
    ],
)
def test_what_exceeds_a_limit_is_named(field: str, code: str, fields: dict[str, Any], held: TenantLimits) -> None:
    problem = limits_problem(request(**fields), 10, held)
    assert problem is not None
    assert (problem.field, problem.code) == (field, code)
    assert field in problem.message
    assert problem.remedy


@pytest.mark.parametrize(
    ("fields", "held"),
    [
        ({}, UNLIMITED),
        ({}, TenantLimits(max_input_tokens=10)),
        ({"sampling": {"max_output_tokens": 100}}, SHORT_OUTPUT),
        ({}, TenantLimits(allowed_models=("x",))),
        ({"mode": "explicit", "model": "x"}, TenantLimits(allowed_models=("x",))),
    ],
)
def test_what_keeps_within_the_limits_passes(fields: dict[str, Any], held: TenantLimits) -> None:
    assert limits_problem(request(**fields), 10, held) is None
