from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from faust.types import TP

from schemas.errors import BrokerUnavailable, ConfigurationError
from schemas.settings import KafkaSettings, Settings
from streams.admin import admin, cluster_id, ensure_topics
from streams.checkpoints import CheckpointLog
from streams.embedded.ports import LOOPBACK, free_ports
from streams.outbox import Outbox
from streams.topics import CATALOGUE, REQUESTS
from streams.transport.offsets import Checkpoint


@pytest.fixture
async def catalogue(kafka: KafkaSettings) -> Settings:
    """The catalogue on this broker, with the partitions that all who share the broker use."""
    settings = Settings(kafka=kafka)
    await ensure_topics(settings)
    return settings


async def test_topics_are_declared_once(catalogue: Settings) -> None:
    assert await ensure_topics(catalogue) == []
    async with admin(catalogue) as client:
        described = await client.describe_topics([topic.name for topic in CATALOGUE])
        resource = ConfigResource(ConfigResourceType.TOPIC, REQUESTS.name)
        (answer,) = await client.describe_configs([resource])
    assert {entry["topic"]: len(entry["partitions"]) for entry in described} == {
        topic.name: topic.partitions(catalogue.kafka) for topic in CATALOGUE
    }
    configs = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert REQUESTS.configs(catalogue.kafka).items() <= configs.items()


async def test_another_number_of_partitions_is_refused(catalogue: Settings) -> None:
    kafka = catalogue.kafka.model_copy(update={"partitions": catalogue.kafka.partitions + 1})
    with pytest.raises(
        ConfigurationError, match=r"has 8 partitions but kafka\.partitions asks for 9; keys would move"
    ):
        await ensure_topics(catalogue.model_copy(update={"kafka": kafka}))


@pytest.mark.parametrize("what", [ensure_topics, cluster_id])
async def test_a_broker_that_is_away_is_named(what: Callable[[Settings], Awaitable[object]]) -> None:
    (port,) = free_ports(1)
    settings = Settings(kafka=KafkaSettings(bootstrap=f"{LOOPBACK}:{port}"))
    with pytest.raises(BrokerUnavailable, match=rf"no broker answers at {LOOPBACK}:{port}; set kafka\.bootstrap"):
        await what(settings)


async def test_a_log_says_who_it_is(catalogue: Settings) -> None:
    name = await cluster_id(catalogue)
    assert name
    assert await cluster_id(catalogue) == name


async def test_the_furthest_checkpoint_is_found_again(catalogue: Settings, outbox: Outbox) -> None:
    group = f"group-{uuid4().hex}"
    tps = [TP(REQUESTS.name, 0), TP(REQUESTS.name, 3)]
    marks = {("asahi.results", 0): 4}
    checkpoints = CheckpointLog(group, outbox)
    assert await checkpoints.load(tps) == {}
    for offset in (5, 9, 7):
        await checkpoints.save({tp: Checkpoint(offset + tp.partition, marks) for tp in tps})
    async with Outbox(catalogue.kafka) as successor:
        found = await CheckpointLog(group, successor).load(tps)
    assert found == {tp: Checkpoint(9 + tp.partition, marks) for tp in tps}
