"""Reading the log outside any consumer group: a stretch to its present end, or the record at one offset."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import KafkaSettings
from streams.records import Record

FETCH_RECORDS = 2000
QUIET_POLLS = 2
POLL_MS = 50
MS_PER_SECOND = 1000
WAIT_SECONDS = 10.0


def detached_consumer(kafka: KafkaSettings) -> AIOKafkaConsumer:
    """Return a consumer that belongs to no group and commits nothing."""
    return AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=kafka.fetch_max_wait_ms,
        request_timeout_ms=int(kafka.request_timeout_seconds * MS_PER_SECOND),
    )


async def read_tail(
    kafka: KafkaSettings, starts: Mapping[tuple[str, int], int], *, newest: int | None = None
) -> AsyncIterator[list[Record]]:
    """Yield the records from `starts` to the end as it was when the call began, or a little beyond.

    Args:
        kafka: How the broker is reached.
        starts: First offset to read, by (topic, partition); one before the log's start means the start.
        newest: Read at least this many of the newest records of each partition, even from before its start.
    """
    if not starts:
        return
    consumer = detached_consumer(kafka)
    await consumer.start()
    try:
        places = {TopicPartition(topic, partition): offset for (topic, partition), offset in starts.items()}
        consumer.assign(list(places))
        ends = await consumer.end_offsets(list(places))
        begins = await consumer.beginning_offsets(list(places))
        for place, offset in places.items():
            wanted = offset if newest is None else min(offset, ends[place] - newest)
            consumer.seek(place, max(wanted, begins[place]))
        quiet = 0
        # The embedded broker may understate the end by part of its last batch: go on until it is quiet.
        while quiet < QUIET_POLLS or not await _reached(consumer, ends):
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=FETCH_RECORDS)
            quiet = 0 if fetched else quiet + 1
            for records in fetched.values():
                yield [record_of(record) for record in records]
    finally:
        await consumer.stop()


async def _reached(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    for place, end in ends.items():
        if await consumer.position(place) < end:
            return False
    return True


class PointReader:
    """Reads single records by their offset; one at a time, since this is for rare cases."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()

    async def stop(self) -> None:
        """Close the connection, if there is one."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def fetch(self, topic: str, partition: int, offset: int) -> Record | None:
        """Return the record at this offset, or None when the log no longer holds it."""
        async with self._lock:
            if self._consumer is None:
                consumer = detached_consumer(self._kafka)
                await consumer.start()
                self._consumer = consumer
            place = TopicPartition(topic, partition)
            self._consumer.assign([place])
            self._consumer.seek(place, offset)
            try:
                found = record_of(await asyncio.wait_for(self._consumer.getone(place), WAIT_SECONDS))
            except TimeoutError:
                return None
            return found if found.offset == offset else None


def record_of(record: Any) -> Record:
    """Return a record as aiokafka delivers it as ours."""
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        record.headers,
        record.timestamp / MS_PER_SECOND,
    )
