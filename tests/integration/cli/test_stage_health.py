"""Lag and age, asked of each broker in turn."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.errors import BrokerUnavailable
from schemas.settings import KafkaSettings, Settings
from streams.admin import ensure_topics
from streams.health import STABLE, StageHealth, Verdict, stage_health
from streams.topics import COMPLETIONS, REQUESTS

OLD_SECONDS = 90.0
BATCH = 500


async def accounting(settings: Settings) -> StageHealth:
    """Return the health of a stage whose topic keeps the times that producers state."""
    return next(health for health in await stage_health(settings) if health.stage == "accounting")


async def test_lag_is_what_lies_behind_the_committed_offset(broker: str, broker_kind: str) -> None:
    group = f"health-{uuid4()}"
    kafka = KafkaSettings(bootstrap=broker, group=group, idempotent_producer=broker_kind != "embedded")
    settings = Settings(kafka=kafka)
    await ensure_topics(settings)
    place = TopicPartition(COMPLETIONS.name, 5)
    then = int((time.time() - OLD_SECONDS) * 1000)
    async with AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer:
        sent = [await producer.send(place.topic, b"{}", partition=5, timestamp_ms=then) for _ in range(BATCH)]
        last = (await sent[-1]).offset
    before = await accounting(settings)
    assert (before.members, before.verdict) == (0, Verdict.DOWN)
    assert before.partitions[5].committed is None
    assert before.partitions[5].end == last + 1

    consumer = AIOKafkaConsumer(
        place.topic, bootstrap_servers=broker, group_id=group, session_timeout_ms=6000, heartbeat_interval_ms=1000,
        auto_offset_reset="earliest", enable_auto_commit=False,
    )  # fmt: skip
    await consumer.start()
    await consumer.getone()
    await consumer.commit({place: OffsetAndMetadata(last - 10, "")})
    behind = await accounting(settings)
    partition = behind.partitions[5]
    assert (partition.committed, partition.lag) == (last - 10, 11)
    assert OLD_SECONDS <= partition.oldest_seconds < OLD_SECONDS + 60
    assert (behind.members, behind.state, behind.verdict) == (1, STABLE, Verdict.BEHIND)

    everything = {
        TopicPartition(place.topic, each.partition): OffsetAndMetadata(each.end, "") for each in behind.partitions
    }
    await consumer.commit(everything)
    done = await accounting(settings)
    assert (done.lag, done.oldest_seconds, done.verdict) == (0, 0.0, Verdict.OK)
    await consumer.stop()
    if broker_kind == "apache":  # the embedded broker forgets a member only when another one joins
        assert (await accounting(settings)).members == 0


async def test_every_group_is_looked_at_once(broker: str) -> None:
    settings = Settings(kafka=KafkaSettings(bootstrap=broker, group=f"health-{uuid4()}"))
    await ensure_topics(settings)
    found = await stage_health(settings)
    assert [health.stage for health in found][:5] == ["intake", "providers", "accounting", "audit", "sink"]
    assert {health.group for health in found if health.stage == "sink"} == {f"{settings.kafka.group}-sink"}
    assert {len(health.partitions) for health in found if health.topic == REQUESTS.name} == {
        settings.kafka.partitions
    }


async def test_a_broker_that_is_away_is_said_so() -> None:
    with pytest.raises(BrokerUnavailable, match=r"127.0.0.1:1"):
        await stage_health(Settings(kafka=KafkaSettings(bootstrap="127.0.0.1:1")))
