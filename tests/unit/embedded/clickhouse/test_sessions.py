from __future__ import annotations

import pytest

from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.sessions import SessionRegistry


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_serves_one_request_at_a_time() -> None:
    sessions = SessionRegistry()
    sessions.acquire("s", 60, must_exist=False)
    with pytest.raises(ClickHouseError) as refused:
        sessions.acquire("s", 60, must_exist=False)
    assert (refused.value.code, refused.value.name) == (373, "SESSION_IS_LOCKED")
    sessions.release("s")
    sessions.acquire("s", 60, must_exist=True)


def test_a_session_ends_when_nobody_used_it_for_its_timeout() -> None:
    clock = Clock()
    sessions = SessionRegistry(clock)
    first = sessions.acquire("s", 60, must_exist=False)
    sessions.release("s")
    clock.now = 59
    assert sessions.acquire("s", 60, must_exist=True) is first
    sessions.release("s")
    clock.now = 119
    with pytest.raises(ClickHouseError) as refused:
        sessions.acquire("s", 60, must_exist=True)
    assert refused.value.code == 372


def test_a_session_in_use_does_not_end() -> None:
    clock = Clock()
    sessions = SessionRegistry(clock)
    session = sessions.acquire("s", 1, must_exist=False)
    clock.now = 100
    sessions.expire()
    sessions.release("s")
    assert sessions.acquire("s", 1, must_exist=True) is session


def test_a_session_may_be_closed_by_its_last_request() -> None:
    sessions = SessionRegistry()
    sessions.acquire("s", 60, must_exist=False)
    sessions.release("s", close=True)
    with pytest.raises(ClickHouseError):
        sessions.acquire("s", 60, must_exist=True)
