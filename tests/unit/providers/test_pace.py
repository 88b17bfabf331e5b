from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import settings as modest
from hypothesis import strategies as st

from agents.providers.pace import SECONDS_PER_MINUTE, Pace


def test_a_burst_begins_at_once_and_the_rest_evenly() -> None:
    pace = Pace(600, now=0.0)
    begun = 0
    while not pace.wait(0.0):
        pace.take(1, 0.0)
        begun += 1
    assert begun == 30
    assert pace.wait(0.0) == pytest.approx(1 / 9)  # nine a second


def test_a_call_larger_than_what_is_left_makes_the_next_one_wait() -> None:
    pace = Pace(6000, now=0.0)
    pace.take(1200, 0.0)
    assert pace.wait(0.0) == pytest.approx((1 + 900) / 90)
    pace.take(-1000, 0.0)
    assert pace.wait(0.0) == 0


def test_a_share_is_kept() -> None:
    pace = Pace(600, now=0.0)
    pace.set_share(0.5, 0.0)
    begun = 0
    while not pace.wait(0.0):
        pace.take(1, 0.0)
        begun += 1
    assert begun == 15
    assert pace.wait(0.0) == pytest.approx(1 / 4.5)


def test_time_that_goes_backwards_brings_nothing() -> None:
    pace = Pace(60, now=100.0)
    pace.take(3, 100.0)
    wait = pace.wait(100.0)
    assert pace.wait(50.0) == wait


@modest(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.lists(st.floats(0, 20), min_size=1, max_size=60))
def test_no_minute_sees_more_than_the_limit(limit: int, pauses: list[float]) -> None:
    pace = Pace(limit, now=0.0)
    now = 0.0
    begun: list[float] = []
    for pause in pauses:
        now += pause
        for _ in range(limit):
            if pace.wait(now):
                break
            pace.take(1, now)
            begun.append(now)
    for number, start in enumerate(begun):
        assert bisect_left(begun, start + SECONDS_PER_MINUTE) - number <= limit


@given(
    before=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    after=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    moved_at=st.floats(5.0, 70.0),
)
@modest(max_examples=25, deadline=None)
def test_workers_that_share_a_limit_keep_it_when_one_joins_or_dies(
    before: list[int], after: list[int], moved_at: float
) -> None:
    limit = 600
    paces = [Pace(limit, 0.0) for _ in before]
    for pace, part in zip(paces, before, strict=True):
        pace.set_share(part / sum(before), 0.0)
    started: list[float] = []
    moved = False
    for now in (step * 0.02 for step in range(4_500)):
        if not moved and now >= moved_at:
            moved = True
            paces = (paces + [Pace(limit, now) for _ in after])[: len(after)]
            for pace, part in zip(paces, after, strict=True):
                pace.set_share(part / sum(after), now)
        for pace in paces:
            while not pace.wait(now):
                pace.take(1.0, now)
                started.append(now)
    oldest = 0
    for newest, at in enumerate(started):
        while started[oldest] <= at - SECONDS_PER_MINUTE:
            oldest += 1
        assert newest - oldest + 1 <= limit
