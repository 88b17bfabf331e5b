"""Reading the log outside any consumer group: a stretch to its present end, or the records at some offsets."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.settings import KafkaSettings
from streams.records import Record

logger = logging.getLogger(__name__)

FETCH_RECORDS = 2000
POLL_MS = 10
FETCH_WAIT_MS = 5
"""Of the broker, for news: only the end is waited for here, and there is no news behind it."""
MS_PER_SECOND = 1000
LOG_APPEND_TIME = 1
PAUSE_SECONDS = 1.0
NEARBY_RECORDS = 1000
"""A record this little ahead is reached by reading on rather than by another request to the broker."""


def detached_consumer(kafka: KafkaSettings, fetch_wait_ms: int) -> AIOKafkaConsumer:
    """Return a consumer that belongs to no group and commits nothing.

    Args:
        kafka: How the broker is reached.
        fetch_wait_ms: Longest wait of the broker for news before it answers that there are none.
    """
    return AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=fetch_wait_ms,
        request_timeout_ms=int(kafka.request_timeout_seconds * MS_PER_SECOND),
    )


class TrueEnds:
    """Where partitions ended when a fetch first said so, which is later than the reading began.

    Asked for its end offset, the embedded broker understates it by part of its last batch, so only a fetch tells. It
    stays what it was at first: a log that is written to all the time has no end to wait for.
    """

    def __init__(self, consumer: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> None:
        self._consumer = consumer
        self._ends: dict[TopicPartition, int | None] = dict.fromkeys(places)

    def of(self, place: TopicPartition) -> int | None:
        """Return the end of a partition, or None before its first fetch."""
        end = self._ends[place]
        if end is None:
            end = self._ends[place] = self._consumer.highwater(place)
        return end

    async def reached(self) -> bool:
        """Return whether everything before the ends has been read."""
        for place in self._ends:
            end = self.of(place)
            if end is None or await self._consumer.position(place) < end:
                return False
        return True


async def read_tail(
    kafka: KafkaSettings, starts: Mapping[tuple[str, int], int], *, newest: int | None = None
) -> AsyncGenerator[list[Record], None]:
    """Yield the records from `starts` to the end as it was when the call began, or a little beyond.

    Args:
        kafka: How the broker is reached.
        starts: First offset to read, by (topic, partition); one before the log's start means the start.
        newest: Read at least this many of the newest records of each partition, even from before its start.
    """
    if not starts:
        return
    consumer = detached_consumer(kafka, FETCH_WAIT_MS)
    try:
        await consumer.start()
        places = {TopicPartition(topic, partition): offset for (topic, partition), offset in starts.items()}
        consumer.assign(list(places))
        ends = await consumer.end_offsets(list(places))
        begins = await consumer.beginning_offsets(list(places))
        for place, offset in places.items():
            wanted = offset if newest is None else min(offset, ends[place] - newest)
            consumer.seek(place, max(wanted, begins[place]))
        true_ends = TrueEnds(consumer, list(places))
        while not await true_ends.reached():
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=FETCH_RECORDS)
            for records in fetched.values():
                yield [record_of(record) for record in records]
    finally:
        await consumer.stop()


class PointReader:
    """Reads single records by their offsets; one question at a time, since this is for rare cases."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()

    async def stop(self) -> None:
        """Close the connection, if there is one."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def fetch(self, topic: str, partition: int, offsets: Sequence[int]) -> list[Record | None]:
        """Return the records at these offsets, each None when the log no longer holds it.

        A broker that is away is waited for: it says nothing about what its log holds.
        """
        async with self._lock:
            while True:
                try:
                    place = TopicPartition(topic, partition)
                    found = await self._fetch(await self._started(), place, sorted(set(offsets)))
                except KafkaError as away:
                    logger.warning("cannot read single records; trying again", extra={"error": repr(away)})
                    await asyncio.sleep(PAUSE_SECONDS)
                else:
                    return [found.get(offset) for offset in offsets]

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = detached_consumer(self._kafka, FETCH_WAIT_MS)
            try:
                await consumer.start()
            except KafkaError:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer

    async def _fetch(
        self, consumer: AIOKafkaConsumer, place: TopicPartition, offsets: Sequence[int]
    ) -> dict[int, Record]:
        consumer.assign([place])
        begin = (await consumer.beginning_offsets([place]))[place]
        wanted = deque(offset for offset in offsets if offset >= begin)
        ends = TrueEnds(consumer, [place])
        found: dict[int, Record] = {}
        position = -1
        while wanted:
            if not 0 <= wanted[0] - position <= NEARBY_RECORDS:
                position = wanted[0]
                consumer.seek(place, position)
            fetched = await consumer.getmany(place, timeout_ms=POLL_MS, max_records=FETCH_RECORDS)
            for record in fetched.get(place, ()):
                position = record.offset + 1
                while wanted and wanted[0] < position:
                    if wanted.popleft() == record.offset:
                        found[record.offset] = record_of(record)
            end = ends.of(place)
            if end is not None and wanted and wanted[0] >= end:
                break  # this log never held them
        return found


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
        record.timestamp_type == LOG_APPEND_TIME,
    )
