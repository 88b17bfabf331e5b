from __future__ import annotations

from hypothesis import given
from hypothesis import settings as modest
from hypothesis import strategies as st

from agents.providers.budget import SAVED_CALLS, SAVED_SECONDS, RetryBudget


def test_every_call_brings_in_a_share_of_a_retry() -> None:
    budget = RetryBudget(0.5, 0.0, now=0.0)
    budget.deposit()
    assert not budget.withdraw(0.0)
    budget.deposit()
    assert budget.withdraw(0.0)
    assert not budget.withdraw(0.0)


def test_time_brings_in_a_few_so_that_a_lone_call_can_be_repeated() -> None:
    budget = RetryBudget(0.0, 1.0, now=100.0)
    assert sum(budget.withdraw(100.0) for _ in range(50)) == SAVED_SECONDS
    assert not budget.withdraw(100.5)
    assert budget.withdraw(101.5)


def test_no_more_than_a_burst_is_saved_up() -> None:
    budget = RetryBudget(0.5, 0.0, now=0.0)
    for _ in range(10 * SAVED_CALLS):
        budget.deposit()
    assert sum(budget.withdraw(0.0) for _ in range(10 * SAVED_CALLS)) == SAVED_CALLS / 2


@modest(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=100), st.floats(0, 1), st.floats(0, 2))
def test_retries_stay_a_share_of_the_calls(moves: list[tuple[bool, float]], share: float, rate: float) -> None:
    budget = RetryBudget(share, rate, now=0.0)
    now = 0.0
    calls = retries = 0
    for is_call, seconds in moves:
        now += seconds
        if is_call:
            budget.deposit()
            calls += 1
        else:
            retries += budget.withdraw(now)
        assert retries <= share * calls + rate * (now + SAVED_SECONDS) + 1e-6
