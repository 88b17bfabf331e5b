"""Fetching a result that is already in the log, to answer a repeated request with the same words."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import KafkaSettings
from streams.envelope import Publication
from streams.tail import detached_consumer
from streams.topics import RESULTS

WAIT_SECONDS = 10.0


class Recall:
    """Reads single results by their offset; one read at a time, since repeats are rare."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()

    async def stop(self) -> None:
        """Close the connection, if there is one."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def fetch(self, partition: int, offset: int) -> Publication | None:
        """Return the result at this offset ready to be published again, or None when the log no longer holds it."""
        async with self._lock:
            consumer = await self._started()
            place = TopicPartition(RESULTS.name, partition)
            consumer.assign([place])
            consumer.seek(place, offset)
            try:
                record = await asyncio.wait_for(consumer.getone(place), WAIT_SECONDS)
            except TimeoutError:
                return None
            if record.offset != offset or record.value is None:
                return None
            return Publication(record.value, record.key, list(record.headers))

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = detached_consumer(self._kafka)
            await consumer.start()
            self._consumer = consumer
        return self._consumer
