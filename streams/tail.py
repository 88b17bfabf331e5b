"""Reading a stretch of the log from known positions to its present end, outside any consumer group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import KafkaSettings
from streams.records import Record

FETCH_RECORDS = 2000
QUIET_POLLS = 2
POLL_MS = 50
MS_PER_SECOND = 1000


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
            for place, records in fetched.items():
                yield [
                    Record(
                        place.topic,
                        place.partition,
                        record.offset,
                        record.key,
                        record.value,
                        record.headers,
                        record.timestamp / MS_PER_SECOND,
                    )
                    for record in records
                ]
    finally:
        await consumer.stop()


async def _reached(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    for place, end in ends.items():
        if await consumer.position(place) < end:
            return False
    return True
