from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.windows.stage import WindowStep
from schemas.result import Lane, Status
from schemas.settings import BatchSettings, WindowSettings
from streams.stage import Flow, Journey
from tests.flow.journeys import NOW, PARIS, a_completion, a_journey, a_passenger, deadline, paid

DAY = 86_400.0


def step(**fields: Any) -> WindowStep:
    return WindowStep(WindowSettings(**fields), BatchSettings())


def ids(flow: Flow) -> list[str]:
    return [journey.request.id for journey in (*flow.onward, *(ended for ended, _ in flow.ended))]


@pytest.fixture
def windows() -> WindowStep:
    return step(bulk_size=3, bulk_seconds=2.0)


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
    windows = step(interactive_seconds=1.0, interactive_size=2, bulk_seconds=1.0)
    patient, urgent = bulk(), a_journey()
    assert windows.process([patient, urgent], NOW).onward == []
    assert windows.due(NOW + 1).onward == [urgent, patient]
    pair = [a_journey(), a_journey()]
    assert windows.process(pair, NOW + 2).onward == pair


def test_bulk_without_seconds_passes_too() -> None:
    windows = step(bulk_seconds=0.0)
    journey = bulk()
    assert windows.process([journey], NOW).onward == [journey]


def test_a_request_that_comes_after_its_deadline_has_expired(windows: WindowStep) -> None:
    journey = bulk(-5)
    ((ended, result),) = windows.process([journey], NOW).ended
    assert (ended, result.status) == (journey, Status.EXPIRED)
    assert result.error is not None
    assert (result.error.code, result.error.field) == ("deadline_passed", "constraints.deadline")


def test_a_request_expires_in_its_window_before_that_closes() -> None:
    windows = step(bulk_seconds=DAY, bulk_after_seconds=1.0)
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
    windows = step(bulk_size=4, bulk_seconds=2.0, interactive_seconds=0.5)
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


def asking(prompt: str, **fields: Any) -> Journey:
    return a_journey(prompt=prompt, constraints=deadline(DAY), **fields)


MANUAL = "The manual says: " + "x" * 100
STATUTE = "The statute says: " + "y" * 100


def test_requests_with_one_prefix_leave_together() -> None:
    windows = step(bulk_size=2, bulk_seconds=2.0, prefix_chars=50)
    journeys = [asking(text) for text in (MANUAL + "1", STATUTE, MANUAL + "2", STATUTE + "2", MANUAL + "3")]
    first, other, second, later, third = journeys
    # the first of each prefix goes ahead; the others come when the provider has it in its cache
    assert windows.process(journeys, NOW).onward == [first, other, second, third]
    assert windows.waiting == 1
    assert windows.due(NOW + 2).onward == [later]
    assert windows.process([again := asking(MANUAL)], NOW + 3).onward == [again]


def test_requests_too_short_for_a_prefix_share_a_window() -> None:
    windows = step(bulk_size=2, bulk_seconds=2.0, prefix_chars=50)
    journeys = [asking("What is it?"), asking("Who is it?")]
    assert windows.process(journeys, NOW).onward == journeys


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "explicit", "model": "big"},
        {"sampling": {"temperature": 0.5}},
        {"sampling": {"stop": ["."]}},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"task_type": "coding"},
        {"mode": "guided", "weights": {"cost": 2}},
    ],
)
def test_what_goes_elsewhere_or_otherwise_has_a_window_of_its_own(fields: dict[str, Any]) -> None:
    windows = step(bulk_size=2, bulk_seconds=2.0)
    assert windows.process([asking("What is it?"), asking("What is it?", **fields)], NOW).onward == []
    assert len(windows.process([asking("Who is it?", **fields)], NOW).onward) == 2


def test_a_chat_shares_the_beginning_of_its_messages() -> None:
    windows = step(bulk_size=2, bulk_seconds=2.0, prefix_chars=50)
    parts = [{"type": "text", "text": MANUAL}, {"type": "image_url", "image_url": {"url": "u"}}]
    chats = [
        a_journey(
            messages=[{"role": "system", "content": parts}, {"role": "user", "content": word}],
            constraints=deadline(DAY),
        )
        for word in ("one", "two")
    ]
    short = a_journey(messages=[{"role": "user", "content": "one"}], constraints=deadline(DAY))
    assert windows.process([chats[0], short, chats[1]], NOW).onward == chats[:1]
    assert set(ids(windows.due(NOW + 2))) == {short.request.id, chats[1].request.id}


def test_a_window_closes_by_tokens() -> None:
    windows = step(bulk_tokens=25, bulk_seconds=2.0)
    journeys = [bulk() for _ in range(4)]  # of 10 tokens each
    assert windows.process(journeys, NOW).onward == journeys[:3]
    windows.withdraw(journeys[3])
    assert windows.waiting == 0
    assert windows.process([bulk(), bulk()], NOW).onward == []


def test_what_is_left_to_a_batch_waits_in_no_window() -> None:
    windows = WindowStep(WindowSettings(bulk_seconds=2.0, batch_lane=True), BatchSettings())
    patient, urgent = bulk(), a_journey()
    assert windows.process([patient, urgent], NOW).onward == [urgent, patient]
    assert patient.lane is Lane.BATCH


def test_batches_that_come_back_late_lead_to_windows_again() -> None:
    windows = WindowStep(WindowSettings(batch_lane=True, bulk_seconds=2.0), BatchSettings(prior_weight=1.0))
    for number in range(20):
        call = paid(number=number)
        late = a_completion(a_passenger(), at=NOW + 2 * DAY, answer=PARIS, calls=(call,))
        windows.learn(msgspec.structs.replace(late, batch=f"b{number}"))  # given up: what answered was no batch
    windows.process([journey := bulk()], NOW)
    assert journey.lane is Lane.BULK
