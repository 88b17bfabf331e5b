"""How far every stage is: its committed offsets against the log, and how long the oldest message has waited.

A process that is up says little: an agent may be stuck in it. What counts is that committed offsets keep up with the
log, so that is what is asked here, from outside, of the broker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.errors import BrokerUnavailable
from schemas.settings import KafkaSettings, Settings
from streams.admin import admin
from streams.topics import ANOMALIES, AUDIT, COMPLETIONS, DISPATCH, PUBLIC, REQUESTS, Topic

BEHIND_SECONDS = 30.0
STABLE = "Stable"
PROBE_SECONDS = 5.0
RETRY_SECONDS = 0.2
FETCH_WAIT_MS = 10
FETCH_BYTES_PER_PARTITION = 16 * 1024
MS_PER_SECOND = 1000


class Verdict(StrEnum):
    """Whether a stage does its work."""

    OK = "ok"
    BEHIND = "behind"  # its oldest message waits too long
    DOWN = "down"  # nobody is there to do it


@dataclass(frozen=True, slots=True)
class Stage:
    """A consumer of one topic: which group commits for it."""

    name: str
    topic: Topic
    group_suffix: str = ""


STAGES: tuple[Stage, ...] = (
    Stage("intake", REQUESTS),
    Stage("providers", DISPATCH),
    Stage("accounting", COMPLETIONS),
    Stage("audit", AUDIT),
    *(Stage("sink", topic, "-sink") for topic in PUBLIC),
)
ANALYST = Stage("analyst", ANOMALIES, "-analyst")
"""Where it is behind, webhooks do not take what they are told."""


def stages_of(settings: Settings) -> tuple[Stage, ...]:
    """Return the stages that there are under this configuration."""
    return (*STAGES, ANALYST) if settings.analytics.enabled else STAGES


@dataclass(frozen=True, slots=True)
class PartitionHealth:
    """One partition of a stage's topic.

    Attributes:
        committed: The next offset to process; None when nothing was ever committed.
        end: The next offset to be written.
        lag: Messages not processed yet.
        oldest_seconds: How long the oldest of them has waited; 0 when there is none.
    """

    partition: int
    committed: int | None
    end: int
    lag: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class StageHealth:
    """One stage and one topic it consumes.

    Attributes:
        members: Consumers in the group now; the embedded broker counts one that left until another joins.
        state: Of the group, as the broker names it: `Stable`, or another while members come and go.
    """

    stage: str
    topic: str
    group: str
    members: int
    state: str
    partitions: tuple[PartitionHealth, ...]

    @property
    def lag(self) -> int:
        """Messages not processed yet, over all partitions."""
        return sum(partition.lag for partition in self.partitions)

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest message has waited."""
        return max((partition.oldest_seconds for partition in self.partitions), default=0.0)

    @property
    def verdict(self) -> Verdict:
        """Whether the stage does its work."""
        if not self.members:
            return Verdict.DOWN
        return Verdict.BEHIND if self.oldest_seconds > BEHIND_SECONDS else Verdict.OK


async def stage_health(settings: Settings) -> list[StageHealth]:
    """Return every stage's health, in the order of the flow.

    Raises:
        BrokerUnavailable: No broker answers, or not in time.
    """
    kafka = settings.kafka
    try:
        async with asyncio.timeout(PROBE_SECONDS), admin(settings) as client:
            return await _all_groups(client, kafka, stages_of(settings))
    except TimeoutError as slow:
        raise BrokerUnavailable(f"the broker at {kafka.bootstrap} does not answer in {PROBE_SECONDS:g} s") from slow
    except KafkaError as failed:
        raise BrokerUnavailable(f"the broker at {kafka.bootstrap} answers with {failed!r}") from failed


async def _all_groups(
    client: AIOKafkaAdminClient, kafka: KafkaSettings, stages: Sequence[Stage]
) -> list[StageHealth]:
    groups = dict.fromkeys(kafka.group + stage.group_suffix for stage in stages)
    while True:
        try:
            found = await asyncio.gather(*(_group_health(client, kafka, group, stages) for group in groups))
        except KafkaError as failed:
            if not failed.retriable:
                raise
            await asyncio.sleep(RETRY_SECONDS)  # a broker that has just started has no coordinator yet
        else:
            return [health for of_group in found for health in of_group]


async def _group_health(
    client: AIOKafkaAdminClient, kafka: KafkaSettings, group: str, all_stages: Sequence[Stage]
) -> list[StageHealth]:
    stages = [stage for stage in all_stages if kafka.group + stage.group_suffix == group]
    places = [
        TopicPartition(stage.topic.name, partition)
        for stage in stages
        for partition in range(stage.topic.partitions(kafka))
    ]
    offsets = await client.list_consumer_group_offsets(group, partitions=places)
    committed = {place: found.offset for place, found in offsets.items() if found.offset >= 0}
    members, state = await _members(client, group)
    fronts = await _fronts(kafka, places, committed)
    return [
        StageHealth(
            stage.name,
            stage.topic.name,
            group,
            members,
            state,
            tuple(_partition_health(place, committed, fronts) for place in places if place.topic == stage.topic.name),
        )
        for stage in stages
    ]


async def _members(client: AIOKafkaAdminClient, group: str) -> tuple[int, str]:
    """Return how many members the group has, and its state; a group nobody ever joined has none."""
    for response in await client.describe_consumer_groups([group]):
        for _, _, state, _, _, members, *_ in response.groups:
            return len(members), state
    return 0, ""


@dataclass(frozen=True, slots=True)
class _Front:
    """What lies at a committed offset: where reading starts, the true end, and since when the first message waits."""

    start: int
    end: int
    waiting_since: float | None


async def _fronts(
    kafka: KafkaSettings, places: Sequence[TopicPartition], committed: Mapping[TopicPartition, int]
) -> dict[TopicPartition, _Front]:
    """Fetch once at every committed offset.

    The end comes from the fetch: asked for it directly, the embedded broker understates it.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_partition_fetch_bytes=FETCH_BYTES_PER_PARTITION,
    )
    await consumer.start()
    try:
        begins = await consumer.beginning_offsets(list(places))
        starts = {place: max(committed.get(place, 0), begins[place]) for place in places}
        consumer.assign(list(places))
        for place, start in starts.items():
            consumer.seek(place, start)
        since: dict[TopicPartition, float] = {}
        unseen = set(places)
        while unseen:
            fetched = await consumer.getmany(timeout_ms=FETCH_WAIT_MS)
            for place, records in fetched.items():
                since.setdefault(place, records[0].timestamp / MS_PER_SECOND)
                consumer.pause(place)
            unseen = {place for place in unseen - since.keys() if not await _at_end(consumer, place)}
        ends = {place: int(consumer.highwater(place)) for place in places}
    finally:
        await consumer.stop()
    return {place: _Front(starts[place], ends[place], since.get(place)) for place in places}


async def _at_end(consumer: AIOKafkaConsumer, place: TopicPartition) -> bool:
    """Return whether a fetch has told that nothing is left to read.

    Knowing the end is not enough: a wait that runs out just as a fetch comes in returns without its records.
    """
    end = consumer.highwater(place)
    return end is not None and await consumer.position(place) >= end


def _partition_health(
    place: TopicPartition, committed: Mapping[TopicPartition, int], fronts: Mapping[TopicPartition, _Front]
) -> PartitionHealth:
    front = fronts[place]
    lag = max(0, front.end - front.start)
    waited = 0.0 if not lag or front.waiting_since is None else max(0.0, time.time() - front.waiting_since)
    return PartitionHealth(place.partition, committed.get(place), front.end, lag, waited)
