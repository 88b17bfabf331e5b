from __future__ import annotations

import asyncio

import pytest

from streams.background import Background


async def test_everything_started_is_awaited_even_what_starts_meanwhile() -> None:
    failures: list[BaseException] = []
    background = Background(failures.append)
    done: list[str] = []

    async def second() -> None:
        await asyncio.sleep(0)
        done.append("second")

    async def first() -> None:
        await asyncio.sleep(0)
        background.start(second())
        done.append("first")

    task = background.start(first())
    assert len(background) == 1
    await background.settled()
    assert done == ["first", "second"]
    assert task.done()
    assert len(background) == 0
    assert failures == []


async def test_a_failure_is_loud(caplog: pytest.LogCaptureFixture) -> None:
    failures: list[BaseException] = []
    background = Background(failures.append)
    bug = RuntimeError("not durable")

    async def fails() -> None:
        raise bug

    background.start(fails())
    await background.settled()
    await asyncio.sleep(0)
    assert failures == [bug]
    assert [(record.levelname, record.exc_info and record.exc_info[1]) for record in caplog.records] == [
        ("CRITICAL", bug)
    ]


async def test_being_cancelled_is_no_failure() -> None:
    failures: list[BaseException] = []
    background = Background(failures.append)
    task = background.start(asyncio.Event().wait())
    task.cancel()
    await background.settled()
    assert task.cancelled()
    assert failures == []
