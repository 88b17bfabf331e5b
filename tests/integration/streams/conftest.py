"""The log on each broker in turn, and a topic of one's own on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.settings import EmbeddedSettings, KafkaSettings
from streams.outbox import Outbox

PARTITIONS = 3


@pytest.fixture
def kafka(broker: str, broker_kind: str) -> KafkaSettings:
    """Settings as they are on this broker."""
    if broker_kind == "apache":
        return KafkaSettings(bootstrap=broker)
    wait = EmbeddedSettings().fetch_max_wait_ms
    return KafkaSettings(bootstrap=broker, fetch_max_wait_ms=wait, idempotent_producer=False)


@pytest.fixture
async def topic(broker: str) -> AsyncIterator[str]:
    """A fresh topic."""
    name = f"log-{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        created = await admin.create_topics(
            [NewTopic(name, PARTITIONS, 1, topic_configs={"max.message.bytes": "12000000"})]
        )
        assert created.topic_errors[0][1] == 0
        yield name
        await admin.delete_topics([name])
    finally:
        await admin.close()


@pytest.fixture
async def outbox(kafka: KafkaSettings) -> AsyncIterator[Outbox]:
    async with Outbox(kafka) as started:
        yield started
