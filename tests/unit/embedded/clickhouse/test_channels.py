from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from streams.embedded.clickhouse.body import BodyFeed
from streams.embedded.clickhouse.config import MIB
from streams.embedded.clickhouse.errors import ClientGone
from streams.embedded.clickhouse.output import OutputChannel


async def test_a_small_result_comes_in_one_piece(tmp_path: Path) -> None:
    output = OutputChannel(asyncio.get_running_loop(), MIB, hold_everything=False, spool=tmp_path)
    output.write(b"a")
    output.write(b"b")
    output.finish()
    assert await output.first() == b"ab"


async def test_a_big_result_streams(tmp_path: Path) -> None:
    output = OutputChannel(asyncio.get_running_loop(), 4, hold_everything=False, spool=tmp_path)
    output.write(b"abc")
    output.write(b"def")
    assert await output.first() is None
    output.write(b"ghi")
    output.finish()
    received = b""
    while (data := await output.next()) is not None:
        received += data
    assert received == b"abcdefghi"


async def test_everything_held_back_waits_for_the_end(tmp_path: Path) -> None:
    output = OutputChannel(asyncio.get_running_loop(), 1, hold_everything=True, spool=tmp_path)
    big = bytes(9 * MIB)
    output.write(big)
    assert not output.started
    finishing = asyncio.ensure_future(asyncio.to_thread(output.finish))
    assert await output.first() is None
    received = 0
    while (data := await output.next()) is not None:
        received += len(data)
    await finishing
    assert received == len(big)
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


async def test_a_failure_before_the_response_leaves_nothing_behind(tmp_path: Path) -> None:
    output = OutputChannel(asyncio.get_running_loop(), MIB, hold_everything=False, spool=tmp_path)
    output.write(b"half")
    output.fail(b"trailer")
    assert await output.first() == b""


async def test_a_failure_in_the_response_ends_it_with_the_trailer(tmp_path: Path) -> None:
    output = OutputChannel(asyncio.get_running_loop(), 1, hold_everything=False, spool=tmp_path)
    output.write(b"half")
    output.fail(b"!")
    assert await output.first() is None
    assert [await output.next(), await output.next(), await output.next()] == [b"half", b"!", None]


async def test_writing_to_nobody_stops_the_query(tmp_path: Path) -> None:
    output = OutputChannel(asyncio.get_running_loop(), 1, hold_everything=False, spool=tmp_path)
    output.abandon()
    with pytest.raises(ClientGone):
        output.write(b"x")


async def test_a_slow_reader_holds_the_writer_back(tmp_path: Path) -> None:
    output = OutputChannel(asyncio.get_running_loop(), 1, hold_everything=False, spool=tmp_path)
    written = 0

    def write() -> None:
        nonlocal written
        for _ in range(40):
            output.write(bytes(MIB))
            written += MIB
        output.finish()

    writing = asyncio.ensure_future(asyncio.to_thread(write))
    assert await output.first() is None
    received = 0
    while (data := await output.next()) is not None:
        received += len(data)
        assert written - received <= 12 * MIB
        await asyncio.sleep(0)
    await writing
    assert received == 40 * MIB


async def test_a_body_reaches_the_thread_in_order() -> None:
    feed = BodyFeed(asyncio.get_running_loop())
    reading = asyncio.ensure_future(asyncio.to_thread(lambda: b"".join(feed)))
    for number in range(100):
        await feed.feed(b"%03d" % number * 100_000)
    feed.end()
    assert await reading == b"".join(b"%03d" % number * 100_000 for number in range(100))


async def test_a_body_broken_off_says_so() -> None:
    feed = BodyFeed(asyncio.get_running_loop())
    await feed.feed(b"half")
    feed.end(broken=True)
    with pytest.raises(ClientGone):
        await asyncio.to_thread(lambda: b"".join(feed))


async def test_a_body_nobody_wants_does_not_block() -> None:
    feed = BodyFeed(asyncio.get_running_loop())
    await asyncio.to_thread(feed.discard)
    assert not await feed.feed(bytes(20 * MIB))
