"""Nested rates: accepted by all limits, or counted by none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.governance.rates.gates import Gate, gates_of
from agents.governance.rates.limiter import REMEMBERED_GATES, RateLimiter
from schemas.policy import Rates
from schemas.tenant import TenantLimits
from tests.unit.governance.scopes import chain, some_rates
from tests.unit.governance.strategies import modest

START = 1_700_000_000.0
MINUTE = 60
NANOSECOND = 1e-9


def gates(rate: int, burst: int | None = None, **others: Rates) -> Sequence[Gate]:
    rates = Rates(requests_per_minute=rate, request_burst=burst)
    return gates_of(chain({"rates": rates}, **{name: {"rates": held} for name, held in others.items()})).requests


def taken(limiter: RateLimiter, held: Sequence[Gate], units: int, now: float) -> float:
    """Take units where they are let through; return the seconds to wait where not."""
    refused = limiter.refusal(held, units, now)
    if refused is not None:
        return refused.wait
    limiter.count(held, units, now)
    return 0.0


def accepted(limiter: RateLimiter, held: Sequence[Gate], now: float, tries: int) -> int:
    return sum(taken(limiter, held, 1, now) == 0 for _ in range(tries))


@pytest.mark.parametrize(("rate", "burst", "at_once"), [(60, 1, 1), (60, 5, 5), (7, 7, 7), (6000, None, 6000)])
def test_as_many_as_the_burst_pass_at_once(rate: int, burst: int | None, at_once: int) -> None:
    assert accepted(RateLimiter(), gates(rate, burst), START, at_once + 10) == at_once


def test_after_the_burst_one_passes_per_interval() -> None:
    limiter, held = RateLimiter(), gates(60, 3)
    accepted(limiter, held, START, 3)
    assert taken(limiter, held, 1, START) == pytest.approx(1.0)
    assert taken(limiter, held, 1, START + 0.75) == pytest.approx(0.25)
    assert taken(limiter, held, 1, START + 1.0) == 0
    assert taken(limiter, held, 1, START + 1.0) == pytest.approx(1.0)


def test_after_a_pause_the_whole_burst_is_there_and_no_more() -> None:
    limiter, held = RateLimiter(), gates(60, 3)
    accepted(limiter, held, START, 3)
    assert accepted(limiter, held, START + 3600, 10) == 3


def test_however_many_are_counted_unasked_the_next_one_waits_for_a_whole_burst_at_most() -> None:
    """One worker that had been there all the time would not let it wait longer."""
    limiter, held = RateLimiter(), gates(60, 3)
    for _ in range(100):
        limiter.count(held, 1, START)
    assert taken(limiter, held, 1, START) == pytest.approx(1.0)
    limiter.count(held, 1, START - 10)
    assert taken(limiter, held, 1, START) == pytest.approx(1.0)
    assert accepted(limiter, held, START + 3, 10) == 3


def test_a_clock_set_back_neither_raises_nor_opens_the_gate() -> None:
    limiter, held = RateLimiter(), gates(60, 1)
    taken(limiter, held, 1, START)
    assert taken(limiter, held, 1, START - 10) == pytest.approx(11.0)


def test_the_older_limits_of_an_organization_are_a_gate_as_well() -> None:
    limits = TenantLimits(requests_per_minute=60, burst=2)
    held = gates_of(chain({"limits": limits, "rates": Rates(requests_per_minute=30)})).requests
    assert [(gate.rule, gate.rate, gate.burst) for gate in held] == [
        ("limits.requests_per_minute", 60, 2),
        ("rates.requests_per_minute", 30, 30),
    ]


def test_the_limit_that_lets_through_last_is_told_and_none_has_counted() -> None:
    limiter = RateLimiter()
    held = gates(60, 10, team=Rates(requests_per_minute=6, request_burst=1), user=Rates(requests_per_minute=30))
    assert taken(limiter, held, 1, START) == 0
    for _ in range(20):
        refused = limiter.refusal(held, 1, START)
        assert refused is not None
        assert refused.gate.by == "team search"
        assert refused.wait == pytest.approx(10.0)
    assert accepted(limiter, held[:1], START, 20) == 9


def test_scopes_beside_each_other_share_only_what_is_above_them() -> None:
    limiter = RateLimiter()
    of_team = gates(60, 3, team=Rates(requests_per_minute=60, request_burst=2))
    of_user = gates(60, 3, user=Rates(requests_per_minute=60, request_burst=2))
    assert accepted(limiter, of_team, START, 5) == 2
    assert accepted(limiter, of_user, START, 5) == 1


def test_units_beyond_the_burst_never_pass() -> None:
    held = gates_of(chain({"rates": Rates(tokens_per_minute=600, token_burst=100)})).tokens
    limiter = RateLimiter()
    refused = limiter.refusal(held, 101, START)
    assert refused is not None
    assert math.isinf(refused.wait)
    assert taken(limiter, held, 100, START) == 0
    assert taken(limiter, held, 50, START) == pytest.approx(5.0)


def test_idle_limits_are_forgotten_and_busy_ones_are_not() -> None:
    limiter, (idle,) = RateLimiter(), gates(60, 1)
    for number in range(REMEMBERED_GATES - 1):
        limiter.count([idle._replace(key=f"idle-{number}")], 1, START)
    (busy,) = gates(1, 1)
    limiter.count([busy], 1, START + 30)
    limiter.count([idle._replace(key="new")], 1, START + 30)
    assert len(limiter) == 2
    assert limiter.refusal([busy], 1, START + 31) is not None


@modest
@given(
    st.lists(some_rates, min_size=3, max_size=3),
    st.lists(st.tuples(st.floats(0, 20), st.integers(1, 3), st.integers(1, 400)), min_size=1, max_size=40),
)
def test_never_more_than_any_scope_allows_in_any_window_and_waiting_as_told_is_enough(
    said: list[Rates], plan: list[tuple[float, int, int]]
) -> None:
    """Requests come under the first scope alone, the first two, or all three."""
    tenant, team, user = ({"rates": rates} for rates in said)
    chains = [gates_of(chain(tenant)), gates_of(chain(tenant, team)), gates_of(chain(tenant, team, user))]
    for kind in ("requests", "tokens"):
        limiter, now = RateLimiter(), START
        passed: dict[Gate, list[tuple[float, int]]] = {}
        for gap, depth, tokens in plan:
            now += gap
            held: Sequence[Gate] = getattr(chains[depth - 1], kind)
            units = 1 if kind == "requests" else tokens
            wait = taken(limiter, held, units, now)
            if math.isinf(wait):
                continue
            if wait:
                now += wait + 1e-6
                assert taken(limiter, held, units, now) == 0
            for gate in held:
                passed.setdefault(gate, []).append((now, units))
        for gate, times in passed.items():
            for first, (began, _) in enumerate(times):
                for last in range(first, len(times)):
                    window = times[last][0] - began
                    total = sum(units for _, units in times[first : last + 1])
                    assert total <= gate.burst + window * gate.rate / MINUTE + 1e-3
