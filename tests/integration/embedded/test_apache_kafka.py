"""The test broker itself: chaos tests rely on its log outliving it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.embedded.broker import cluster_id_of
from tests.kafka.apache import ApacheKafka

pytestmark = pytest.mark.kafka


@pytest.fixture
async def kafka(tmp_path: Path, kafka_jars: Path) -> AsyncIterator[ApacheKafka]:
    del kafka_jars
    broker = ApacheKafka(tmp_path)
    await broker.start()
    yield broker
    await broker.stop()


async def test_the_log_outlives_kill_and_stop(kafka: ApacheKafka) -> None:
    cluster_id, bootstrap = await cluster_id_of(kafka.bootstrap), kafka.bootstrap
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    await _send(bootstrap, b"before the kill")
    await kafka.kill()
    assert not kafka.process.alive
    await kafka.start()
    await _send(bootstrap, b"before the stop")
    await kafka.stop()
    await kafka.start()
    assert kafka.bootstrap == bootstrap
    assert await cluster_id_of(bootstrap) == cluster_id
    assert await _read(bootstrap, 2) == [b"before the kill", b"before the stop"]


async def _send(bootstrap: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait("kept", value)


async def _read(bootstrap: str, count: int) -> list[bytes | None]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition("kept", 0)])
        async with asyncio.timeout(60):
            return [(await consumer.getone()).value for _ in range(count)]
