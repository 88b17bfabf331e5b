from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.windows.lanes import BatchTerms, LaneChooser
from agents.windows.turnaround import Expectation, Turnaround
from schemas.result import Lane
from schemas.settings import BatchSettings, WindowSettings
from tests.flow.journeys import NOW, PARIS, a_completion, a_passenger, a_request, deadline, paid

HOUR = 3600.0
TERMS = BatchTerms(price_factor=0.5, max_late=0.02, overhead_seconds=1000.0)


def chooser(*hours: float, terms: BatchTerms | None = TERMS) -> LaneChooser:
    turnaround = Turnaround(Expectation(HOUR, 0.005, 20.0), 200)
    for number, each in enumerate(hours):
        turnaround.observe(str(number), each * HOUR)
    return LaneChooser(600.0, terms, turnaround)


def lane(seconds: float, of: LaneChooser) -> Lane:
    return of.lane_of(a_request(constraints=deadline(seconds)), NOW)


@pytest.mark.parametrize(
    ("constraints", "lane"),
    [
        ({}, Lane.INTERACTIVE),
        (deadline(599.9), Lane.INTERACTIVE),
        (deadline(600), Lane.BULK),
        (deadline(86_400), Lane.BULK),
        (deadline(-1), Lane.INTERACTIVE),
        (deadline(86_400) | {"latency_budget_ms": 500}, Lane.INTERACTIVE),
        ({"latency_budget_ms": 500}, Lane.INTERACTIVE),
    ],
)
def test_only_a_request_with_time_travels_in_bulk(constraints: dict[str, Any], lane: Lane) -> None:
    assert chooser(terms=None).lane_of(a_request(constraints=constraints), NOW) is lane


def test_before_any_batch_was_seen_the_expectation_decides() -> None:
    # half an hour to the hour: a share of 0.02 is late after some six half-lives, and 0.005 never come
    assert lane(6.0 * HOUR + 1000, chooser()) is Lane.BULK
    assert lane(6.1 * HOUR + 1000, chooser()) is Lane.BATCH


def test_quick_batches_draw_requests_with_less_time() -> None:
    assert lane(3 * HOUR, chooser()) is Lane.BULK
    assert lane(3 * HOUR, chooser(*[0.5] * 200)) is Lane.BATCH


def test_slow_batches_send_requests_elsewhere() -> None:
    assert lane(20 * HOUR, chooser()) is Lane.BATCH
    assert lane(20 * HOUR, chooser(*[0.5] * 20, 23.0, 23.5)) is Lane.BULK


def test_no_time_suffices_where_batches_do_not_come_back() -> None:
    assert lane(1000 * HOUR, chooser(*[math.inf] * 20)) is Lane.BULK


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_a_batch_that_costs_as_much_as_a_call_is_not_waited_for(factor: float) -> None:
    of = chooser(terms=BatchTerms(factor, 0.5, 1000.0))
    assert lane(1000 * HOUR, of) is Lane.BULK
    assert [prospect.lane for prospect in of.prospects(1000 * HOUR)] == [Lane.BULK, Lane.INTERACTIVE]


def test_the_chance_of_paying_twice_counts_against_the_batch() -> None:
    # one in eight is late: allowed by the bound, but 0.9 + 0.125 of the price is more than the price
    times = [0.5] * 140 + [30.0] * 20
    assert lane(20 * HOUR, chooser(*times, terms=BatchTerms(0.9, 0.5, 1000.0))) is Lane.BULK
    assert lane(20 * HOUR, chooser(*times, terms=BatchTerms(0.8, 0.5, 1000.0))) is Lane.BATCH


@given(
    st.lists(st.floats(0.01, 40.0), max_size=30),
    st.floats(0.1, 1.0),
    st.floats(0.001, 0.5),
    st.floats(0.0, 60.0),
)
def test_the_fast_choice_is_the_best_prospect(
    hours: list[float], factor: float, max_late: float, left_hours: float
) -> None:
    of = chooser(*hours, terms=BatchTerms(factor, max_late, 1000.0))
    left = left_hours * HOUR
    found = of.prospects(left)
    best = found[0]
    assert best.lane is lane(left, of) or abs(found[0].late - max_late) < 1e-6 or abs(found[0].cost - 1.0) < 1e-6
    assert all(best.cost <= other.cost for other in found)
    assert best.late <= max_late


def test_the_settings_say_what_a_batch_cannot_use() -> None:
    batches = BatchSettings(collect_seconds=1, poll_seconds=2, cancel_seconds=3, rescue_seconds=4)
    assert BatchTerms.of(batches).overhead_seconds == 10
    assert LaneChooser.of(WindowSettings(), batches).prospects(1e6)[0].lane is Lane.BULK
    assert LaneChooser.of(WindowSettings(batch_lane=True), batches).prospects(1e6)[0].lane is Lane.BATCH


def test_it_learns_from_what_batches_answered_and_from_what_was_given_up() -> None:
    of = chooser(terms=BatchTerms(0.5, 0.02, 0.0))
    call = msgspec.structs.replace(paid(), batch=True)
    answered = a_completion(a_passenger(), at=NOW + 60, answer=PARIS, calls=(call,))
    before = of.prospects(7 * HOUR)[0].late
    of.learn(answered)  # in no batch
    assert of.prospects(7 * HOUR)[0].late == before
    of.learn(msgspec.structs.replace(answered, batch="b1"))
    after = of.prospects(7 * HOUR)[0].late
    assert after < before
    of.learn(a_completion(a_passenger(), answer=PARIS))
    of.learn(msgspec.structs.replace(a_completion(a_passenger(), answer=PARIS), batch="b2"))
    assert of.prospects(7 * HOUR)[0].lane is Lane.BULK
    without = chooser(terms=None)
    without.learn(msgspec.structs.replace(answered, batch="b1"))
    assert lane(1e6, without) is Lane.BULK
