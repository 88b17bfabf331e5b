"""Following a compacted topic: every worker reads all of it, and knows when it has caught up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.settings import KafkaSettings
from streams.tail import TrueEnds, detached_consumer
from streams.topics import Topic

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
POLL_MS = 500
FIRST_POLL_MS = 20
"""Until it has caught up, nothing may be processed."""


async def follow(
    kafka: KafkaSettings, topic: Topic, apply: Callable[[bytes | None, bytes | None], None], caught_up: asyncio.Event
) -> None:
    """Apply every (key, value) of the topic's partition 0, for ever; set `caught_up` once the end was seen."""
    position = 0
    place = TopicPartition(topic.name, 0)
    while True:
        consumer = detached_consumer(kafka, kafka.fetch_max_wait_ms)
        try:
            await consumer.start()
            consumer.assign([place])
            consumer.seek(place, position)
            ends = TrueEnds(consumer, [place])
            while True:
                timeout = POLL_MS if caught_up.is_set() else FIRST_POLL_MS
                fetched = await consumer.getmany(place, timeout_ms=timeout)
                for record in fetched.get(place, ()):
                    apply(record.key, record.value)
                    position = record.offset + 1
                if not caught_up.is_set() and await ends.reached():
                    caught_up.set()
        except KafkaError as away:
            logger.warning("cannot follow a topic; trying again", extra={"topic": topic.name, "error": repr(away)})
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            await consumer.stop()
