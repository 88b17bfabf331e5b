from __future__ import annotations

from streams.envelope import RESTORED_HEADER
from streams.records import Record
from streams.tenancy.inheritance import Inheritance
from streams.topics import REQUESTS


def record(offset: int, *, restored: bool = False) -> Record:
    headers = ((RESTORED_HEADER, b"earlier/0/7"),) if restored else ()
    return Record(REQUESTS.name, 0, offset, b"acme", b"{}", headers, 0.0)


def test_where_nothing_was_taken_over_nothing_is_inherited() -> None:
    assert not Inheritance().claim(record(0))
    assert not Inheritance().claim(record(0, restored=True))


def test_what_came_after_the_take_over_is_news_whatever_it_calls_itself() -> None:
    inherited = Inheritance(end=5, requests=100, messages=100)
    assert inherited.claim(record(4))
    assert not inherited.claim(record(5))
    assert not inherited.claim(record(5, restored=True))


def test_where_there_was_no_predecessor_only_what_is_restored_is_inherited() -> None:
    inherited = Inheritance(end=5, requests=0, messages=100)
    assert not inherited.claim(record(0))
    assert inherited.claim(record(0, restored=True))


def test_a_predecessor_held_so_many_requests_and_one_delivery_on_top() -> None:
    inherited = Inheritance(end=100, requests=3, messages=2)
    claims = [inherited.claim(record(offset)) for offset in (7, 7, 8, 9, 10, 11)]
    assert claims == [True, True, True, True, False, False]


def test_what_is_asked_about_late_takes_nothing_from_what_came_after_it() -> None:
    inherited = Inheritance(end=100, requests=3, messages=2)
    claims = [inherited.claim(record(offset)) for offset in (8, 9, 1, 10, 2, 11)]
    assert claims == [True, True, True, True, True, False]


def test_an_array_in_that_delivery_counts_as_one_message() -> None:
    inherited = Inheritance(end=100, requests=1, messages=1)
    assert [inherited.claim(record(offset)) for offset in (0, 0, 0, 1)] == [True] * 3 + [False]


def test_what_is_restored_is_inherited_however_much_it_is_and_takes_no_room() -> None:
    inherited = Inheritance(end=100, requests=1, messages=1)
    assert all(inherited.claim(record(offset, restored=True)) for offset in range(50))
    assert [inherited.claim(record(offset)) for offset in (50, 51)] == [True, False]
    assert inherited.claim(record(99, restored=True))
