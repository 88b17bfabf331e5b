"""Following a compacted topic: every worker reads all of it, and knows when it has caught up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.settings import KafkaSettings
from streams.tail import detached_consumer
from streams.topics import Topic

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
POLL_MS = 500


async def follow(
    kafka: KafkaSettings, topic: Topic, apply: Callable[[bytes | None, bytes | None], None], caught_up: asyncio.Event
) -> None:
    """Apply every (key, value) of the topic's partition 0, for ever; set `caught_up` once the end was seen."""
    position = 0
    while True:
        consumer = detached_consumer(kafka)
        try:
            await consumer.start()
            place = TopicPartition(topic.name, 0)
            consumer.assign([place])
            consumer.seek(place, position)
            while True:
                fetched = await consumer.getmany(place, timeout_ms=POLL_MS)
                for record in fetched.get(place, ()):
                    apply(record.key, record.value)
                    position = record.offset + 1
                if not fetched:
                    caught_up.set()
        except KafkaError as away:
            logger.warning("cannot follow a topic; trying again", extra={"topic": topic.name, "error": repr(away)})
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            await consumer.stop()
