from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.transport.pace import (
    ASLEEP_AFTER_SECONDS,
    ASLEEP_WAIT_MS,
    BUSY_BYTES_PER_SECOND,
    BUSY_WAIT_MS,
    IDLE_AFTER_SECONDS,
    IDLE_WAIT_MS,
    RATE_SECONDS,
    Pace,
)

LEAST_MS = 4


def test_lone_requests_are_asked_for_at_once() -> None:
    pace = Pace(LEAST_MS, 0.0)
    waits = {pace.after(1500 if step % 4 == 0 else 0, step / 80) for step in range(800)}
    assert waits == {LEAST_MS}


def test_under_load_it_asks_less_often_and_at_once_again_after_it() -> None:
    pace = Pace(LEAST_MS, 0.0)
    full = BUSY_BYTES_PER_SECOND // 50
    waits = [pace.after(2 * full, step / 50) for step in range(200)]
    assert waits[0] == LEAST_MS
    assert waits[-1] == BUSY_WAIT_MS
    assert pace.after(0, 4.0 + RATE_SECONDS) == LEAST_MS


def test_it_asks_less_often_when_nothing_comes() -> None:
    pace = Pace(LEAST_MS, 0.0)
    assert pace.after(0, IDLE_AFTER_SECONDS) == LEAST_MS
    assert pace.after(0, IDLE_AFTER_SECONDS + 0.1) == IDLE_WAIT_MS
    assert pace.after(1, IDLE_AFTER_SECONDS + 0.2) == LEAST_MS
    assert pace.after(0, IDLE_AFTER_SECONDS + ASLEEP_AFTER_SECONDS + 0.3) == ASLEEP_WAIT_MS
    assert pace.after(1, IDLE_AFTER_SECONDS + ASLEEP_AFTER_SECONDS + 0.4) == LEAST_MS


@given(st.lists(st.tuples(st.integers(0, 10**8), st.floats(0, 10))), st.integers(1, 1000))
def test_the_wait_is_never_shorter_than_was_set(fetches: list[tuple[int, float]], least_ms: int) -> None:
    pace, now = Pace(least_ms, 0.0), 0.0
    for size, pause in fetches:
        now += pause
        waits = (IDLE_WAIT_MS, BUSY_WAIT_MS, ASLEEP_WAIT_MS)
        assert pace.after(size, now) in {least_ms, *(max(least_ms, wait) for wait in waits)}
