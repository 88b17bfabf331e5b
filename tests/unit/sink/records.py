"""Records as the broker's client hands them over."""

from __future__ import annotations

from aiokafka import ConsumerRecord, TopicPartition

PLACE = TopicPartition("asahi.results", 3)
Pairs = tuple[tuple[str, bytes | None], ...]


def record(
    offset: int = 0,
    value: bytes | None = b"{}",
    headers: Pairs = (),
    key: bytes | None = b"demo",
    place: TopicPartition = PLACE,
) -> ConsumerRecord:
    return ConsumerRecord(
        topic=place.topic,
        partition=place.partition,
        offset=offset,
        timestamp=1_763_892_000_000 + offset,
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=headers,
    )
