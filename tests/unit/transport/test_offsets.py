from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.transport.offsets import Checkpoint, Marks, OffsetTracker

INHERITED: Marks = {("results", 0): -1}
"""Told apart from every position of this process, which starts at 0."""


def at(position: int) -> Marks:
    return {("results", 0): position}


@dataclass
class Sent:
    start: int
    next_offset: int
    marks: Marks
    settled: bool = False


@dataclass
class Book:
    """What the law says, kept the naive way: every message ever delivered."""

    inherited_until: int
    messages: list[Sent]
    told: int = 0

    def advance(self, now: Marks) -> Checkpoint | None:
        prefix = 0
        while prefix < len(self.messages) and self.messages[prefix].settled:
            prefix += 1
        if prefix == self.told:
            return None
        self.told = prefix
        resume = self.messages[prefix - 1].next_offset
        marks = self.messages[prefix].marks if prefix < len(self.messages) else now
        return Checkpoint(resume, INHERITED if resume < self.inherited_until else marks)


operations = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), st.integers(1, 3)),
        st.tuples(st.just("settle"), st.integers(0, 50)),
        st.tuples(st.just("advance"), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=80)
@given(operations, st.integers(0, 12))
def test_a_checkpoint_never_passes_an_unsettled_message(script: list[tuple[str, int]], inherited_until: int) -> None:
    tracker = OffsetTracker(INHERITED, inherited_until)
    book = Book(inherited_until, [])
    offset = 0
    for clock, (what, number) in enumerate([*script, ("advance", 0)]):
        if what == "deliver":
            start, offset = offset, offset + number
            tracker.deliver(offset, at(clock))
            book.messages.append(Sent(start, offset, at(clock)))
        elif what == "settle" and book.messages:
            message = book.messages[number % len(book.messages)]
            tracker.settle(message.next_offset)
            message.settled = True
        elif what == "advance":
            checkpoint = tracker.advance(at(clock))
            assert checkpoint == book.advance(at(clock))
            unsettled = [message for message in book.messages if not message.settled]
            assert checkpoint is None or all(checkpoint.offset <= message.start for message in unsettled)
            assert len(tracker) == len(book.messages) - book.told


def test_marks_are_those_at_delivery_of_the_oldest_outstanding() -> None:
    tracker = OffsetTracker()
    for next_offset in (10, 20, 30):
        tracker.deliver(next_offset, at(next_offset))
    tracker.settle(30)
    assert tracker.advance(at(99)) is None, "an earlier one is outstanding"
    tracker.settle(10)
    assert tracker.advance(at(99)) == Checkpoint(10, at(20))
    assert tracker.advance(at(99)) is None, "nothing has moved"
    tracker.settle(20)
    assert tracker.advance(at(99)) == Checkpoint(30, at(99)), "nothing is outstanding: the marks of now hold"


@pytest.mark.parametrize("times", [1, 2])
def test_settling_what_is_unknown_or_settled_changes_nothing(times: int) -> None:
    tracker = OffsetTracker()
    tracker.deliver(5, at(0))
    tracker.settle(4)
    assert tracker.advance(at(1)) is None
    for _ in range(times):
        tracker.settle(5)
    assert tracker.advance(at(1)) == Checkpoint(5, at(1))
    tracker.settle(5)
    assert tracker.advance(at(2)) is None


def test_what_a_predecessor_may_have_answered_keeps_the_marks_it_came_with() -> None:
    tracker = OffsetTracker(INHERITED, inherited_until=15)
    for next_offset in (10, 20, 30):
        tracker.deliver(next_offset, at(next_offset))
    tracker.settle(10)
    assert tracker.advance(at(99)) == Checkpoint(10, INHERITED), "the second began before the old end"
    tracker.settle(20)
    assert tracker.advance(at(99)) == Checkpoint(20, at(30))


def test_the_end_of_the_settled_may_lie_before_the_old_end() -> None:
    tracker = OffsetTracker(INHERITED, inherited_until=15)
    tracker.deliver(10, at(1))
    tracker.settle(10)
    assert tracker.advance(at(99)) == Checkpoint(10, INHERITED), "11..14 may have been answered already"
