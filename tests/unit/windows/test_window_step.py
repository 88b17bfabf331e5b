from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.windows.stage import WindowStep
from schemas.result import Lane, Status
from schemas.settings import WindowSettings
from streams.stage import Flow, Journey
from tests.flow.journeys import NOW, a_journey, deadline

DAY = 86_400.0


def ids(flow: Flow) -> list[str]:
    return [journey.request.id for journey in (*flow.onward, *(ended for ended, _ in flow.ended))]


@pytest.fixture
def windows() -> WindowStep:
    return WindowStep(WindowSettings(bulk_size=3, bulk_seconds=2.0))


def bulk(seconds: float = DAY, partition: int = 0) -> Journey:
    return a_journey(constraints=deadline(seconds), partition=partition)


def test_interactive_requests_pass_straight_through(windows: WindowStep) -> None:
    journey = a_journey()
    assert windows.process([journey], NOW) == Flow(onward=[journey])
    assert journey.lane is Lane.INTERACTIVE
    assert windows.next_due() is None


def test_a_bulk_window_closes_when_it_is_full(windows: WindowStep) -> None:
    journeys = [bulk() for _ in range(7)]
    assert windows.process(journeys, NOW).onward == journeys[:6]
    assert {journey.lane for journey in journeys} == {Lane.BULK}
    assert windows.waiting == 1


def test_a_bulk_window_closes_when_its_time_has_come(windows: WindowStep) -> None:
    first, second = bulk(), bulk()
    windows.process([first], NOW)
    windows.process([second], NOW + 1)
    assert windows.next_due() == NOW + 2
    assert windows.due(NOW + 1.9) == Flow()
    assert windows.due(NOW + 2).onward == [first, second]
    assert windows.next_due() is None
    windows.process([bulk()], NOW + 10)
    assert windows.next_due() == NOW + 12


def test_interactive_goes_before_bulk_of_the_same_batch(windows: WindowStep) -> None:
    patient = [bulk() for _ in range(3)]
    urgent = a_journey()
    assert windows.process([*patient, urgent], NOW).onward == [urgent, *patient]


def test_interactive_has_a_window_of_its_own_when_it_has_seconds() -> None:
    windows = WindowStep(WindowSettings(interactive_seconds=1.0, interactive_size=2, bulk_seconds=1.0))
    patient, urgent = bulk(), a_journey()
    assert windows.process([patient, urgent], NOW).onward == []
    assert windows.due(NOW + 1).onward == [urgent, patient]
    pair = [a_journey(), a_journey()]
    assert windows.process(pair, NOW + 2).onward == pair


def test_bulk_without_seconds_passes_too() -> None:
    windows = WindowStep(WindowSettings(bulk_seconds=0.0))
    journey = bulk()
    assert windows.process([journey], NOW).onward == [journey]


def test_a_request_that_comes_after_its_deadline_has_expired(windows: WindowStep) -> None:
    journey = bulk(-5)
    ((ended, result),) = windows.process([journey], NOW).ended
    assert (ended, result.status) == (journey, Status.EXPIRED)
    assert result.error is not None
    assert (result.error.code, result.error.field) == ("deadline_passed", "constraints.deadline")


def test_a_request_expires_in_its_window_before_that_closes() -> None:
    windows = WindowStep(WindowSettings(bulk_seconds=DAY, bulk_after_seconds=1.0))
    late, patient = bulk(10), bulk(DAY)
    windows.process([late, patient], NOW)
    assert windows.next_due() == NOW + 10
    flow = windows.due(NOW + 12)
    assert flow.onward == []
    ((ended, result),) = flow.ended
    assert (ended, result.status) == (late, Status.EXPIRED)
    assert result.stages_ms["windows"] == 12_000.0
    assert windows.next_due() == NOW + DAY
    assert windows.waiting == 1


def test_closing_all_leaves_nothing(windows: WindowStep) -> None:
    journeys = [bulk(), bulk()]
    windows.process(journeys, NOW)
    assert windows.close_all(NOW + 1).onward == journeys
    assert windows.close_all(NOW + 1) == Flow()
    assert windows.next_due() is None


def test_a_revoked_partition_is_forgotten(windows: WindowStep) -> None:
    ours, theirs = bulk(partition=0), bulk(partition=1)
    windows.process([ours, theirs], NOW)
    assert windows.evict(1) == [theirs]
    assert windows.evict(1) == []
    assert windows.due(NOW + 2).onward == [ours]
    windows.process([bulk(partition=1)], NOW + 3)
    windows.evict(1)
    assert windows.next_due() is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([None, 0.5, 3.0, 700.0, DAY]), st.floats(0, 3), st.booleans()),
        max_size=25,
    )
)
def test_every_request_leaves_exactly_once_and_none_waits_past_its_window(
    arrivals: list[tuple[float | None, float, bool]],
) -> None:
    windows = WindowStep(WindowSettings(bulk_size=4, bulk_seconds=2.0, interactive_seconds=0.5))
    left: list[str] = []
    now = NOW
    for seconds, pause, timer in arrivals:
        now += pause
        journey = a_journey(constraints={} if seconds is None else deadline(now - NOW + seconds))
        flows = [windows.process([journey], now)]
        if timer:
            flows.append(windows.due(now))
            due = windows.next_due()
            assert due is None or due > now
        left += [each for flow in flows for each in ids(flow)]
    left += ids(windows.close_all(now))
    assert len(left) == len(set(left)) == len(arrivals)
    assert windows.waiting == 0
