from __future__ import annotations

from hypothesis import given
from hypothesis import settings as modest
from hypothesis import strategies as st

from agents.providers.concurrency import Concurrency


def rounds(concurrency: Concurrency, congested_share: float, count: int) -> None:
    for _ in range(count):
        calls = concurrency.limit
        for number in range(calls):
            concurrency.end(number < congested_share * calls)


def test_it_starts_at_its_ceiling_and_stays_there_while_nothing_is_wrong() -> None:
    concurrency = Concurrency(100)
    rounds(concurrency, 0.0, 5)
    assert concurrency.limit == 100


def test_a_provider_that_refuses_everybody_has_half_of_the_calls_after_each_round() -> None:
    concurrency = Concurrency(1000)
    rounds(concurrency, 1.0, 1)
    assert 500 <= concurrency.limit <= 550
    rounds(concurrency, 1.0, 30)
    assert concurrency.limit == 1


def test_it_recovers() -> None:
    concurrency = Concurrency(1000)
    rounds(concurrency, 1.0, 5)
    assert concurrency.limit < 60
    rounds(concurrency, 0.0, 80)
    assert concurrency.limit == 1000


def test_a_few_unlucky_calls_cost_little() -> None:
    concurrency = Concurrency(100)
    rounds(concurrency, 0.05, 50)
    assert concurrency.limit == 100
    rounds(concurrency, 0.3, 50)
    assert concurrency.limit < 30


def test_a_new_ceiling_keeps_the_proportion() -> None:
    concurrency = Concurrency(100)
    rounds(concurrency, 1.0, 1)
    half = concurrency.limit
    concurrency.set_ceiling(50)
    assert concurrency.limit == half // 2
    concurrency.set_ceiling(1)
    assert concurrency.limit == 1


@modest(max_examples=40, deadline=None)
@given(st.integers(1, 50), st.lists(st.booleans() | st.integers(1, 50), max_size=100))
def test_it_stays_between_one_and_the_ceiling(ceiling: int, moves: list[bool | int]) -> None:
    concurrency = Concurrency(ceiling)
    for move in moves:
        if isinstance(move, bool):
            concurrency.end(move)
        else:
            ceiling = move
            concurrency.set_ceiling(ceiling)
        assert 1 <= concurrency.limit <= ceiling
