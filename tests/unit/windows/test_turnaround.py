from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from agents.windows.turnaround import Expectation, Turnaround

HOUR = 3600.0
seconds = st.floats(0, 1e6) | st.just(math.inf)
observed = st.lists(seconds, max_size=40)
expectations = st.builds(Expectation, half_life=st.floats(1, 1e5), never=st.floats(0, 0.5), weight=st.floats(0.1, 50))


def after(expected: Expectation, times: list[float], kept: int = 100) -> Turnaround:
    turnaround = Turnaround(expected, kept)
    for number, time in enumerate(times):
        turnaround.observe(f"b{number}", time)
    return turnaround


def test_before_anything_was_seen_the_expectation_holds() -> None:
    turnaround = after(Expectation(HOUR, 0.0, 20), [])
    assert turnaround.tail(0) == 1.0
    assert turnaround.tail(HOUR) == 0.5
    assert turnaround.tail(3 * HOUR) == 0.125
    assert turnaround.quantile(0.125) == pytest.approx(3 * HOUR)


def test_what_was_seen_counts_beside_it() -> None:
    turnaround = after(Expectation(HOUR, 0.0, 1), [10.0, 20.0, 2 * HOUR])
    assert turnaround.tail(HOUR) == (0.5 + 1) / 4


def test_a_batch_counts_once_with_its_longest_time() -> None:
    turnaround = Turnaround(Expectation(HOUR, 0.0, 1), 10)
    for time in (10.0, 30.0, 20.0):
        turnaround.observe("b", time)
    assert list(turnaround) == [30.0]


def test_old_batches_are_forgotten() -> None:
    assert list(after(Expectation(HOUR, 0.0, 1), [9.0, 1.0, 2.0], kept=2)) == [1.0, 2.0]


def test_no_time_is_enough_when_too_many_never_come_back() -> None:
    turnaround = after(Expectation(HOUR, 0.0, 1), [math.inf] * 9)
    assert turnaround.tail(1e12) == pytest.approx(0.9)
    assert turnaround.quantile(0.5) == math.inf
    assert turnaround.quantile(0.95) < HOUR


@given(expectations, observed, seconds, seconds)
def test_the_tail_is_a_probability_that_falls(
    expected: Expectation, times: list[float], one: float, other: float
) -> None:
    turnaround = after(expected, times)
    earlier, later = sorted((one, other))
    assert 0.0 <= turnaround.tail(later) <= turnaround.tail(earlier) <= 1.0


@settings_of(max_examples=40, deadline=None)
@given(expectations, observed, st.floats(0.001, 0.999))
def test_the_quantile_is_the_least_time_that_keeps_the_bound(
    expected: Expectation, times: list[float], late: float
) -> None:
    turnaround = after(expected, times)
    enough = turnaround.quantile(late)
    if math.isfinite(enough):
        assert turnaround.tail(enough) <= late
        assert turnaround.tail(enough * (1 - 1e-6)) > late or enough < 1e-6
    else:
        assert turnaround.tail(1e300) > late


@given(expectations, observed, seconds)
def test_the_order_of_observations_does_not_matter(expected: Expectation, times: list[float], at: float) -> None:
    assert after(expected, times).tail(at) == after(expected, sorted(times)).tail(at)


@settings_of(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1e5), min_size=100, max_size=100), st.floats(0, 1e5))
def test_many_observations_outweigh_the_expectation(times: list[float], at: float) -> None:
    share = sum(time > at for time in times) / len(times)
    assert abs(after(Expectation(HOUR, 0.01, 1), times).tail(at) - share) <= 1 / 100
