from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from streams.submission.outcome import Outcome
from streams.submission.window import Entry, Window

MANY = 1 << 30


def entry(number: int, request_id: str | None = None, body: bytes = b"body") -> Entry:
    return Entry(request_id or f"r{number}", number, number * 10, "demo", content=hash(body), body=body)


def answer(window: Window, request_id: str, row: bytes = b"row", place: tuple[int, int] = (0, 0)) -> None:
    found = window.get("demo", request_id)
    assert found is not None
    window.answer(found, row, Outcome(request_id, "completed", "demo", Decimal(1)), place)


def written(window: Window) -> list[int]:
    front = window.answered_front()
    window.drop_front(len(front))
    return [each.number for each in front]


@given(st.permutations(list(range(12))))
def test_rows_leave_in_the_order_of_the_input_whatever_order_answers_come_in(arrivals: list[int]) -> None:
    window = Window(12, MANY)
    for number in range(12):
        window.add(entry(number))
    order: list[int] = []
    for number in arrivals:
        answer(window, f"r{number}")
        order += written(window)
    assert order == list(range(12))
    assert (len(window), window.unanswered, window.room) == (0, 0, 12)


def test_the_window_takes_no_more_lines_than_it_may() -> None:
    window = Window(2, MANY)
    window.add(entry(1))
    assert window.room == 1
    window.add(entry(2))
    assert window.room == 0
    answer(window, "r2")
    assert (window.room, window.unanswered) == (0, 1)
    answer(window, "r1")
    assert written(window) == [1, 2]
    assert window.room == 2


def test_big_requests_and_waiting_rows_close_the_window_early() -> None:
    window = Window(100, 1000)
    assert window.room == 100
    window.add(entry(1, body=b"x" * 600))
    window.add(entry(2, body=b"x" * 600))
    assert window.room == 0
    answer(window, "r2", row=b"y" * 2000)
    assert window.room == 0
    answer(window, "r1", row=b"y")
    assert written(window) == [1, 2]
    assert window.room == 100


def test_a_repeated_line_is_answered_with_the_first() -> None:
    window = Window(10, MANY)
    first = entry(1, "same")
    window.add(first)
    window.add_twin(entry(2, "same"), first)
    assert window.unanswered == 1
    answer(window, "same", row=b"one")
    window.add_twin(entry(3, "same"), first)
    assert [each.row for each in window.answered_front()] == [b"one"] * 3
    assert written(window) == [1, 2, 3]
    assert window.get("demo", "same") is None
    assert window.room == 10


def test_an_id_seen_again_after_its_line_left_is_another_line() -> None:
    window = Window(10, MANY)
    window.add(entry(1, "same"))
    answer(window, "same")
    again = Entry("same", 2, 20, "demo", row=b"refused")
    window.add(again)
    assert written(window) == [1, 2]
    assert window.get("demo", "same") is None


def test_what_is_unanswered_can_be_listed_for_sending_again() -> None:
    window = Window(10, MANY)
    for number in range(4):
        window.add(entry(number))
    answer(window, "r1")
    assert [each.number for each in window.waiting()] == [0, 2, 3]
    assert {each.body for each in window.waiting()} == {b"body"}


def test_reading_must_go_on_from_the_oldest_row_still_held() -> None:
    window = Window(10, MANY)
    for number in range(5):
        window.add(entry(number))
    answer(window, "r3", place=(0, 70))
    answer(window, "r2", place=(0, 50))
    answer(window, "r4", place=(1, 9))
    window.add(Entry("bad", 6, 60, "", row=b"refused"))
    assert window.low_water({0: 100, 1: 10, 2: 5}) == {0: 50, 1: 9, 2: 5}
    answer(window, "r0", place=(0, 90))
    answer(window, "r1", place=(0, 91))
    assert written(window) == [0, 1, 2, 3, 4, 6]
    assert window.low_water({0: 100, 1: 10, 2: 5}) == {0: 100, 1: 10, 2: 5}
