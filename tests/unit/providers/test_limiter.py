from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.providers.limiter import Limiter


def test_first_come_first_served() -> None:
    limiter: Limiter[str] = Limiter(1)
    assert limiter.enter("a")
    assert not limiter.enter("b")
    assert not limiter.enter("c")
    assert limiter.backlog == 2
    assert limiter.next() is None
    limiter.leave()
    assert limiter.next() == "b"
    limiter.leave()
    assert limiter.next() == "c"


def test_nobody_overtakes_the_queue_through_a_slot_that_just_became_free() -> None:
    limiter: Limiter[str] = Limiter(1)
    limiter.enter("a")
    limiter.enter("b")
    limiter.leave()
    assert not limiter.enter("c")
    assert limiter.next() == "b"


def test_who_withdraws_is_skipped() -> None:
    limiter: Limiter[str] = Limiter(1)
    for caller in "abc":
        limiter.enter(caller)
    limiter.withdraw("b")
    limiter.withdraw("never came")
    limiter.leave()
    assert limiter.next() == "c"


def test_a_smaller_limit_holds_as_soon_as_slots_are_left() -> None:
    limiter: Limiter[str] = Limiter(3)
    for caller in "abcd":
        limiter.enter(caller)
    limiter.limit = 1
    limiter.leave()
    assert limiter.next() is None
    limiter.leave()
    limiter.leave()
    assert limiter.next() == "d"
    assert limiter.in_flight == 1


@settings(max_examples=50)
@given(limit=st.integers(1, 4), steps=st.lists(st.sampled_from(["enter", "leave", "withdraw"]), max_size=60))
def test_the_limit_holds_and_slots_go_out_in_order_of_arrival(limit: int, steps: list[str]) -> None:
    limiter: Limiter[int] = Limiter(limit)
    inside: list[int] = []
    expected: list[int] = []
    for number, step in enumerate(steps):
        if step == "enter":
            expected.append(number)
            if limiter.enter(number):
                inside.append(number)
        elif step == "leave" and inside:
            expected.remove(inside.pop())
            limiter.leave()
            while (following := limiter.next()) is not None:
                inside.append(following)
        elif step == "withdraw" and limiter.backlog:
            last = expected[-1] if expected[-1] not in inside else None
            if last is not None:
                limiter.withdraw(expected.pop())
        assert limiter.in_flight == len(inside) <= limit
        assert sorted(inside) == expected[: len(inside)]
