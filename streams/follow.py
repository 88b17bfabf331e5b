"""Following a compacted topic: every worker reads all of it, and knows how far behind it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.settings import KafkaSettings
from streams.tail import TrueEnds, detached_consumer
from streams.topics import Topic

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
POLL_MS = 500
FIRST_POLL_MS = 20
"""Until it has caught up, nothing may be processed."""
FETCH_WAIT_MS = 200
"""The embedded broker sleeps half of it instead of answering when data comes, and what is followed may take that
long: a revoked key, for one, has a second. With the 4 ms of the pipeline's own topics every worker asked 400 times a
second."""
MS_PER_SECOND = 1000


@dataclass(slots=True)
class Following:
    """How far a follower is.

    Attributes:
        caught_up: Set once the end was seen for the first time.
        moved: Set whenever something was applied; whoever waits for it clears it.
        position: The next offset to read.
        behind: Messages that were there at the last answer of the broker and are not applied yet.
        caught_up_at: When the broker last answered that there is nothing more, in Unix seconds; 0 for never.
    """

    caught_up: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    position: int = 0
    behind: int = 0
    caught_up_at: float = 0.0

    def advance(self, position: int) -> None:
        """Note that everything before this offset is applied."""
        self.position = position
        self.moved.set()

    def look(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> None:
        """Note what the broker last said of the partition's end; while it says nothing, nothing is noted."""
        end, answered_ms = consumer.highwater(place), consumer.last_poll_timestamp(place)
        if end is None or answered_ms is None:
            return
        self.behind = max(0, end - self.position)
        if not self.behind:
            self.caught_up_at = max(self.caught_up_at, answered_ms / MS_PER_SECOND)


async def follow(
    kafka: KafkaSettings, topic: Topic, apply: Callable[[bytes | None, bytes | None], None], following: Following
) -> None:
    """Apply every (key, value) of the topic's partition 0, for ever, and note how far that is."""
    place = TopicPartition(topic.name, 0)
    caught_up = following.caught_up
    while True:
        consumer = detached_consumer(kafka, max(kafka.fetch_max_wait_ms, FETCH_WAIT_MS))
        try:
            await consumer.start()
            consumer.assign([place])
            consumer.seek(place, following.position)
            ends = TrueEnds(consumer, [place])
            while True:
                fetched = await consumer.getmany(place, timeout_ms=POLL_MS if caught_up.is_set() else FIRST_POLL_MS)
                for record in fetched.get(place, ()):
                    apply(record.key, record.value)
                    following.advance(record.offset + 1)
                following.look(consumer, place)
                if not caught_up.is_set() and await ends.reached():
                    caught_up.set()
        except KafkaError as away:
            logger.warning("cannot follow a topic; trying again", extra={"topic": topic.name, "error": repr(away)})
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            await consumer.stop()
