"""Making a dead letter of an event that ClickHouse refuses."""

from __future__ import annotations

import time
from typing import Protocol

import msgspec
from aiokafka import ConsumerRecord

from schemas.settings import Settings
from schemas.wire import ProblemRecord
from streams.deadletters import dead_letter
from streams.envelope import cloud_event
from streams.outbox import Outbox
from streams.records import Record
from streams.topics import DEADLETTER

STAGE = "sink"
MS_PER_SECOND = 1000


class SetAside(Protocol):
    """Keeps an event that cannot be archived."""

    async def __call__(self, record: ConsumerRecord, code: int | None) -> None:
        """Make the event durable elsewhere.

        Args:
            record: The event.
            code: ClickHouse's error number.
        """
        ...


class DeadLetters:
    """Sends refused events to the dead-letter topic, over a connection opened when it is needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __call__(self, record: ConsumerRecord, code: int | None) -> None:
        """Publish one; a refused dead letter gets none of its own, or there would be no end to them."""
        if record.topic == DEADLETTER.name:
            return
        problem = ProblemRecord(
            "not_archivable",
            f"ClickHouse refuses the event with error {code}",
            "compare the event with the tables in docs/tables.md; it has been processed, only its row is missing",
        )
        source = Record(
            record.topic,
            record.partition,
            record.offset,
            record.key,
            record.value,
            record.headers,
            record.timestamp / MS_PER_SECOND,
        )
        letter = dead_letter(
            source,
            0,
            STAGE,
            problem,
            record.value or b"",
            now=time.time(),
            keep_bytes=self._settings.intake.dead_letter_bytes,
        )
        key = f"{record.topic}/{record.partition}".encode()
        event = cloud_event(DEADLETTER, letter.id, None, letter.occurred_at, msgspec.json.encode(letter), key=key)
        partition = record.partition % DEADLETTER.partitions(self._settings.kafka)
        async with Outbox(self._settings.kafka) as outbox:
            await outbox.publish(DEADLETTER.name, partition, [event])
