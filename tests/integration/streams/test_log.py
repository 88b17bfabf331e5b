"""Publishing and reading back, as the stages do, on the embedded broker and on Apache Kafka."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from schemas.settings import KafkaSettings
from streams.embedded.broker import EmbeddedBroker
from streams.embedded.ports import LOOPBACK, free_ports
from streams.envelope import Publication
from streams.outbox import BATCH_BYTES, Outbox
from streams.records import Record
from streams.tail import PointReader

MEGABYTE = 1024 * 1024


def numbered(count: int, size: int = 0, first: int = 0) -> list[Publication]:
    return [Publication(b"%d" % number + b"x" * size, b"k") for number in range(first, first + count)]


async def read(outbox: Outbox, starts: Mapping[tuple[str, int], int], newest: int | None = None) -> list[Record]:
    async with asyncio.timeout(60):
        return [record async for records in outbox.read(starts, newest=newest) for record in records]


async def test_what_is_published_is_read_back_with_key_headers_and_time(outbox: Outbox, topic: str) -> None:
    one = Publication(b"value", b"key", [("ce_id", b"r1"), ("empty", b"")])
    bare = Publication(b"bare")
    assert await outbox.publish(topic, 1, [one, bare]) == [0, 1]
    first, second = await read(outbox, {(topic, 1): 0})
    assert (first.topic, first.partition, first.offset) == (topic, 1, 0)
    assert (first.key, first.value, first.headers) == (b"key", b"value", (("ce_id", b"r1"), ("empty", b"")))
    assert (second.key, second.value, second.headers) == (None, b"bare", ())
    assert 1_600_000_000 < first.timestamp <= second.timestamp < 10_000_000_000


async def test_offsets_run_on_and_positions_follow(outbox: Outbox, topic: str) -> None:
    assert await outbox.publish(topic, 0, numbered(3)) == [0, 1, 2]
    assert await outbox.publish(topic, 0, numbered(2)) == [3, 4]
    assert await outbox.publish(topic, 1, []) == []
    assert outbox.positions() == {(topic, 0): 5}
    outbox.learn({(topic, 0): 3, (topic, 2): 7})
    assert outbox.positions() == {(topic, 0): 5, (topic, 2): 7}


async def test_more_than_a_batch_holds_is_published_in_order(outbox: Outbox, topic: str) -> None:
    size = 10_000
    publications = numbered(3 * BATCH_BYTES // size, size)
    offsets = await outbox.publish(topic, 0, publications)
    assert offsets == list(range(len(publications)))
    assert [record.value for record in await read(outbox, {(topic, 0): 0})] == [one.value for one in publications]


async def test_a_message_larger_than_a_batch_stands_alone(outbox: Outbox, topic: str) -> None:
    large = Publication(b"y" * 8 * MEGABYTE)
    assert await outbox.publish(topic, 0, [Publication(b"before"), large, Publication(b"after")]) == [0, 1, 2]
    assert [len(record.value or b"") for record in await read(outbox, {(topic, 0): 0})] == [6, 8 * MEGABYTE, 5]


async def test_reading_reaches_the_true_end_from_wherever_it_starts(outbox: Outbox, topic: str) -> None:
    """The embedded broker understates the end of a partition by part of its last batch."""
    await outbox.publish(topic, 0, numbered(5))
    await outbox.publish(topic, 0, numbered(300, first=5))
    for start in (0, 4, 5, 200, 304, 305):
        assert [record.offset for record in await read(outbox, {(topic, 0): start})] == list(range(start, 305))


async def test_the_newest_records_tell_where_a_partition_ends(outbox: Outbox, topic: str) -> None:
    await outbox.publish(topic, 0, numbered(5))
    await outbox.publish(topic, 0, numbered(300, first=5))
    await outbox.publish(topic, 1, numbered(1))
    found = await read(outbox, {(topic, partition): sys.maxsize for partition in range(3)}, newest=10)
    assert {record.partition: record.offset for record in found} == {0: 304, 1: 0}


async def test_reading_covers_all_partitions_empty_ones_too(outbox: Outbox, topic: str) -> None:
    await outbox.publish(topic, 0, numbered(10))
    await outbox.publish(topic, 2, numbered(20))
    found = await read(outbox, {(topic, partition): 0 for partition in range(3)})
    assert [
        (record.partition, record.offset) for record in sorted(found, key=lambda one: (one.partition, one.offset))
    ] == [
        *((0, number) for number in range(10)),
        *((2, number) for number in range(20)),
    ]
    assert await read(outbox, {(topic, 1): 0}) == []
    assert await read(outbox, {}) == []


async def test_the_newest_are_read_even_from_before_the_start(outbox: Outbox, topic: str) -> None:
    for number in range(30):
        await outbox.publish(topic, 0, numbered(1, first=number))
    offsets = [record.offset for record in await read(outbox, {(topic, 0): 28}, newest=10)]
    assert offsets == list(range(20, 30))
    offsets = [record.offset for record in await read(outbox, {(topic, 0): 5}, newest=10)]
    assert offsets == list(range(5, 30))
    assert len(await read(outbox, {(topic, 0): 30}, newest=1000)) == 30


async def test_reading_ends_although_others_never_stop_writing(outbox: Outbox, topic: str) -> None:
    await outbox.publish(topic, 0, numbered(100))
    done = asyncio.Event()

    async def write() -> None:
        while not done.is_set():
            await outbox.publish(topic, 0, numbered(10))

    writing = asyncio.create_task(write())
    try:
        assert len(await read(outbox, {(topic, 0): 0})) >= 100
    finally:
        done.set()
        await writing


async def test_single_records_are_fetched_by_offset(outbox: Outbox, topic: str) -> None:
    await outbox.publish(topic, 0, numbered(2500))
    await outbox.publish(topic, 1, numbered(1))
    async with asyncio.timeout(60):
        wanted = [2499, 0, 7, 8, 7, 1200]
        found = await outbox.fetch(topic, 0, wanted)
        assert [record.value for record in found if record is not None] == [b"%d" % number for number in wanted]
        [other] = await outbox.fetch(topic, 1, [0])
        assert other is not None
        assert (other.partition, other.value) == (1, b"0")
        assert await outbox.fetch(topic, 0, []) == []


async def test_what_the_log_does_not_hold_is_said_so(outbox: Outbox, topic: str) -> None:
    await outbox.publish(topic, 0, numbered(3))
    async with asyncio.timeout(60):
        found = await outbox.fetch(topic, 0, [1, 3, 1000, 5000])
    assert [None if record is None else record.offset for record in found] == [1, None, None, None]


async def test_a_broker_that_is_away_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (port,) = free_ports(1)
    broker = EmbeddedBroker(tmp_path, port=port)
    settings = KafkaSettings(bootstrap=f"{LOOPBACK}:{port}", idempotent_producer=False)
    reader = PointReader(settings)
    async with asyncio.timeout(60):
        fetching = asyncio.create_task(reader.fetch("late", 0, [0]))
        while "cannot read single records" not in caplog.text:  # noqa: ASYNC110 - it sets no event for us
            await asyncio.sleep(0.01)
        await broker.start()
        try:
            async with Outbox(settings) as outbox:
                await outbox.publish("late", 0, numbered(1))
            [record] = await fetching
            assert record is not None
            assert record.value == b"0"
        finally:
            await reader.stop()
            await broker.stop()
