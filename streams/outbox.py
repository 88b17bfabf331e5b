"""The log on a Kafka broker: publishing whole batches durably, and reading back.

aiokafka's `send` costs 12 microseconds per message; a batch built here and sent as one costs two. A broker that is
away is waited for: what a stage decided is never dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.errors import BrokerUnavailable
from schemas.settings import KafkaSettings
from streams.admin import log_identity
from streams.envelope import Publication
from streams.records import Record
from streams.tail import PointReader, read_tail
from streams.transport.offsets import Marks

logger = logging.getLogger(__name__)

BATCH_BYTES = 1024 * 1024
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
MS_PER_SECOND = 1000


class Outbox:
    """The one producer of a process, and its way to read back: a `streams.log.Log` on Kafka."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap,
            acks="all",
            enable_idempotence=kafka.idempotent_producer,
            compression_type=None if kafka.compression == "none" else kafka.compression,
            max_batch_size=BATCH_BYTES,
            max_request_size=kafka.max_message_bytes,
            request_timeout_ms=int(kafka.request_timeout_seconds * MS_PER_SECOND),
        )
        self._kafka = kafka
        self._point_reader = PointReader(kafka)
        self._positions: dict[tuple[str, int], int] = {}
        self._identity: str | None = None

    async def __aenter__(self) -> Outbox:
        try:
            await self._producer.start()
        except KafkaConnectionError as away:
            await self._producer.stop()
            raise BrokerUnavailable(f"no broker answers at {self._kafka.bootstrap}; set kafka.bootstrap") from away
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._point_reader.stop()
        await self._producer.stop()

    def read(
        self, starts: Mapping[tuple[str, int], int], *, newest: int | None = None
    ) -> AsyncGenerator[list[Record], None]:
        """Yield the records from `starts` to the present end; at least the `newest` of each partition if given."""
        return read_tail(self._kafka, starts, newest=newest)

    async def fetch(self, topic: str, partition: int, offsets: Sequence[int]) -> list[Record | None]:
        """Return the records at these offsets, each None when the log no longer holds it."""
        return await self._point_reader.fetch(topic, partition, offsets)

    async def identity(self) -> str:
        """Return the id of this log: one that began anew has another."""
        while self._identity is None:
            try:
                self._identity = await log_identity(self._kafka)
            except (BrokerUnavailable, KafkaError) as away:
                logger.warning("cannot ask for the log's id; trying again", extra={"error": repr(away)})
                await asyncio.sleep(LONGEST_PAUSE_SECONDS)
        return self._identity

    def positions(self) -> Marks:
        """Return a copy of the next position by (topic, partition), as far as this process has written."""
        return dict(self._positions)

    def learn(self, marks: Marks) -> None:
        """Take over positions known from checkpoints or from reading the log; they never go back."""
        for place, offset in marks.items():
            self._advance(place, offset)

    async def publish(self, topic: str, partition: int, publications: Sequence[Publication]) -> list[int]:
        """Publish in order to one partition; return the offset of each once all are durable."""
        offsets: list[int] = []
        start = 0
        while start < len(publications):
            batch, count = self._build(publications, start)
            base = await self._send(batch, topic, partition)
            offsets.extend(range(base, base + count))
            self._advance((topic, partition), base + count)
            start += count
        return offsets

    def _advance(self, place: tuple[str, int], offset: int) -> None:
        if offset > self._positions.get(place, -1):
            self._positions[place] = offset

    def _build(self, publications: Sequence[Publication], start: int) -> tuple[BatchBuilder, int]:
        batch = self._producer.create_batch()
        count = 0
        for publication in publications[start:]:
            added = batch.append(
                key=publication.key, value=publication.value, timestamp=None, headers=publication.headers
            )
            if added is None:
                break
            count += 1
        batch.close()
        return batch, count

    async def _send(self, batch: BatchBuilder, topic: str, partition: int) -> int:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                future: asyncio.Future[Any] = await self._producer.send_batch(batch, topic, partition=partition)
                return int((await future).offset)
            except KafkaError as away:
                # A timeout is our own: the batch waited for those before it, and is still ours to send.
                if not away.retriable and not isinstance(away, KafkaTimeoutError):
                    raise
                logger.warning(
                    "broker does not take a batch; trying again",
                    extra={"topic": topic, "partition": partition, "error": repr(away), "pause_seconds": pause},
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
