from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as modest
from hypothesis import strategies as st

from agents.providers.breaker import NO_TICKET, Breaker
from schemas.provider_health import Circuit
from tests.unit.providers.calls import settings

SECTION = settings(
    breaker_share=0.5,
    breaker_calls=4,
    breaker_window_seconds=10,
    breaker_open_seconds=5,
    breaker_open_max_seconds=12,
    breaker_probes=2,
)


def call(breaker: Breaker, failed: bool, now: float) -> Circuit | None:
    return breaker.end(breaker.begin(now), failed, now)


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(SECTION)
    for _ in range(4):
        call(breaker, True, now)
    assert breaker.circuit is Circuit.OPEN
    return breaker


def test_it_opens_when_half_of_enough_calls_failed() -> None:
    breaker = Breaker(SECTION)
    assert [call(breaker, failed, 0.0) for failed in (True, False, True)] == [None, None, None]
    assert breaker.failure_share == pytest.approx(2 / 3)
    assert call(breaker, True, 0.0) is Circuit.OPEN
    assert breaker.openings == 1
    assert breaker.wait(1.0) == 4.0


def test_a_provider_that_fails_every_fifth_call_stays_in_use() -> None:
    breaker = Breaker(SECTION)
    assert all(call(breaker, number % 5 == 4, number / 10) is None for number in range(1000))


def test_failures_long_ago_do_not_count() -> None:
    breaker = Breaker(SECTION)
    for now in (0.0, 1.0, 2.0):
        call(breaker, True, now)
    assert call(breaker, True, 12.5) is None
    assert breaker.failure_share == 1.0
    assert breaker.circuit is Circuit.CLOSED


def test_probes_close_it() -> None:
    breaker = opened()
    assert breaker.wait(5.0) == 0
    first, second = breaker.begin(5.0), breaker.begin(5.0)
    assert breaker.circuit is Circuit.HALF_OPEN
    assert breaker.wait(5.0) > 0  # no third one
    assert breaker.end(first, False, 5.1) is None
    assert breaker.end(second, False, 5.2) is Circuit.CLOSED
    assert breaker.wait(5.2) == 0


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_limit() -> None:
    breaker = opened()
    assert call(breaker, True, 5.0) is Circuit.OPEN
    assert breaker.wait(5.0) == 10
    call(breaker, True, 15.0)
    assert breaker.wait(15.0) == 12
    for _ in range(2):
        call(breaker, False, 27.0)
    assert breaker.circuit is Circuit.CLOSED
    for _ in range(4):
        call(breaker, True, 28.0)
    assert breaker.wait(28.0) == 5


def test_what_began_before_it_opened_says_nothing_of_the_recovery() -> None:
    breaker = Breaker(SECTION)
    late = breaker.begin(0.0)
    for _ in range(4):
        call(breaker, True, 0.0)
    assert breaker.end(late, False, 1.0) is None
    breaker.begin(5.0)
    assert breaker.end(late, True, 5.0) is None
    assert breaker.circuit is Circuit.HALF_OPEN


def test_a_forgotten_probe_makes_room_for_another() -> None:
    breaker = opened()
    tickets = [breaker.begin(5.0), breaker.begin(5.0)]
    breaker.forget(NO_TICKET)
    assert breaker.wait(5.0) > 0
    breaker.forget(tickets[0])
    assert breaker.wait(5.0) == 0


steps = st.lists(st.tuples(st.sampled_from(["begin", "succeed", "fail", "forget"]), st.floats(0, 4)), max_size=80)


@modest(max_examples=100, deadline=None)
@given(steps)
def test_laws(moves: list[tuple[str, float]]) -> None:
    breaker = Breaker(SECTION)
    now = 0.0
    under_way: list[int] = []
    opened_at = 0.0
    for move, seconds in moves:
        now += seconds
        before, openings = breaker.circuit, breaker.openings
        if move == "begin":
            if breaker.wait(now) > 0:
                continue
            under_way.append(breaker.begin(now))
            assert breaker.circuit is not Circuit.OPEN
            if before is Circuit.OPEN:
                assert now >= opened_at + SECTION.breaker_open_seconds
        elif under_way:
            ticket = under_way.pop(0)
            if move == "forget":
                breaker.forget(ticket)
                assert breaker.circuit is before
            else:
                entered = breaker.end(ticket, move == "fail", now)
                assert entered in (None, breaker.circuit)
                assert (entered is Circuit.OPEN) == (breaker.openings > openings)
                if entered is Circuit.OPEN:
                    assert move == "fail"
                    opened_at = now
                if entered is Circuit.CLOSED:
                    assert before is Circuit.HALF_OPEN
                    assert move == "succeed"
        assert 0 <= breaker.failure_share <= 1
        assert breaker.wait(now) <= SECTION.breaker_open_max_seconds
        if breaker.circuit is Circuit.OPEN:
            assert breaker.wait(now + SECTION.breaker_open_max_seconds) == 0  # it never stays shut for good
