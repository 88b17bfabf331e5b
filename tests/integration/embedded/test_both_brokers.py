"""What the pipeline relies on, on the embedded broker and on Apache Kafka alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

ANSWER_SECONDS = 60


@pytest.fixture
async def partition(broker: str) -> AsyncIterator[TopicPartition]:
    """The second of two partitions of a fresh topic."""
    topic = f"round-trip-{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        created = await admin.create_topics([NewTopic(topic, 2, 1)])
        assert created.topic_errors[0][1] == 0
        yield TopicPartition(topic, 1)
        await admin.delete_topics([topic])
    finally:
        await admin.close()


@pytest.fixture
async def producer(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    client = AIOKafkaProducer(bootstrap_servers=broker, acks="all", max_request_size=16_000_000)
    await client.start()
    yield client
    await client.stop()


@pytest.fixture
async def consumer(broker: str) -> AsyncIterator[AIOKafkaConsumer]:
    client = AIOKafkaConsumer(
        bootstrap_servers=broker,
        group_id=f"group-{uuid4().hex}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    await client.start()
    yield client
    await client.stop()


async def test_what_is_sent_arrives_whole_and_in_order(
    partition: TopicPartition, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer
) -> None:
    headers = [("ce_id", b"1"), ("empty", b"")]
    for number in range(20):
        await producer.send(
            partition.topic, b"%d" % number, key=b"k", partition=1, headers=headers, timestamp_ms=1_000 + number
        )
    await producer.flush()
    consumer.assign([partition])
    async with asyncio.timeout(ANSWER_SECONDS):
        records = [await consumer.getone() for _ in range(20)]
    assert [record.value for record in records] == [b"%d" % number for number in range(20)]
    assert [record.offset for record in records] == list(range(20))
    assert [record.timestamp for record in records] == [1_000 + number for number in range(20)]
    assert {(record.key, tuple(record.headers)) for record in records} == {(b"k", tuple(headers))}


async def test_committed_offsets_outlive_the_consumer(
    broker: str, partition: TopicPartition, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer
) -> None:
    for number in range(5):
        await producer.send_and_wait(partition.topic, b"%d" % number, partition=1)
    consumer.assign([partition])
    assert await consumer.committed(partition) is None
    await consumer.commit({partition: 3})
    later = AIOKafkaConsumer(bootstrap_servers=broker, group_id=consumer._group_id, auto_offset_reset="earliest")
    await later.start()
    try:
        later.assign([partition])
        async with asyncio.timeout(ANSWER_SECONDS):
            assert (await later.getone()).value == b"3"
    finally:
        await later.stop()


async def test_the_high_water_mark_of_a_fetch_is_the_end_of_the_log(
    partition: TopicPartition, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer
) -> None:
    """`end_offsets` is not: the embedded broker counts the last batch as one record."""
    batch = producer.create_batch()
    for number in range(5):
        batch.append(key=None, value=b"%d" % number, timestamp=None)
    await (await producer.send_batch(batch, partition.topic, partition=1))
    consumer.assign([partition])
    async with asyncio.timeout(ANSWER_SECONDS):
        await consumer.getone()
    assert consumer.highwater(partition) == 5
    assert 0 < (await consumer.end_offsets([partition]))[partition] <= 5


async def test_a_message_of_ten_megabytes_passes(
    partition: TopicPartition, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer
) -> None:
    value = bytes(range(256)) * 40_000
    await producer.send_and_wait(partition.topic, value, partition=1)
    consumer.assign([partition])
    async with asyncio.timeout(ANSWER_SECONDS):
        assert (await consumer.getone()).value == value
