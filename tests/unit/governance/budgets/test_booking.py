"""Each usage event counts once, wherever its sender died and in whatever order acknowledgements come."""

from __future__ import annotations

from agents.governance.budgets.booking import REMEMBERED, Bookings


def test_the_position_waits_for_the_oldest_stretch_under_way() -> None:
    bookings = Bookings()
    first, second = bookings.begin(), bookings.begin()
    assert bookings.book("b", "acme", 7)
    bookings.end(second)
    assert bookings.position == 0, "what the first stretch holds may lie before"
    assert bookings.counted_behind(0, "acme") == ["b"]
    assert bookings.counted_behind(0, "zeta") == []
    assert bookings.book("a", "acme", 3)
    bookings.end(first)
    assert bookings.position == 8
    assert bookings.counted_behind(8, "acme") == []


def test_a_second_copy_is_not_counted() -> None:
    bookings = Bookings()
    assert bookings.book("a", "acme", 3)
    assert not bookings.book("a", "acme", 9)
    assert bookings.position == 10


def test_a_successor_reads_far_enough_back_to_know_copies() -> None:
    bookings = Bookings()
    bookings.resume(3 * REMEMBERED)
    assert bookings.recall_from == 2 * REMEMBERED
    bookings.resume(5)
    assert bookings.position == 3 * REMEMBERED


def test_old_ids_are_forgotten_but_none_behind_the_position() -> None:
    bookings = Bookings()
    stuck = bookings.begin()
    done = bookings.begin()
    for offset in range(3 * REMEMBERED):
        bookings.book(f"u{offset}", "acme", offset)
    bookings.end(done)
    assert len(bookings.counted_behind(0, "acme")) == 3 * REMEMBERED
    bookings.end(stuck)
    assert not bookings.book(f"u{3 * REMEMBERED - 1}", "acme", 0)
    assert bookings.book("u0", "acme", 0), "long forgotten"
