"""Declaring the catalogue on a broker, and telling one log from another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code

from schemas.errors import BrokerUnavailable, ConfigurationError
from schemas.settings import KafkaSettings, Settings
from streams.topics import CATALOGUE

MS_PER_SECOND = 1000
METADATA_PAUSE_SECONDS = 0.1
ALREADY_EXISTS = TopicAlreadyExistsError.errno


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Yield a started admin client.

    Raises:
        BrokerUnavailable: No broker answers at `kafka.bootstrap`.
    """
    async with _admin(settings.kafka) as client:
        yield client


@asynccontextmanager
async def _admin(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(
        bootstrap_servers=kafka.bootstrap,
        request_timeout_ms=int(kafka.request_timeout_seconds * MS_PER_SECOND),
    )
    try:
        await client.start()
    except KafkaConnectionError as away:
        raise BrokerUnavailable(f"no broker answers at {kafka.bootstrap}; set kafka.bootstrap") from away
    try:
        yield client
    finally:
        await client.close()


async def ensure_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing; return their names.

    Raises:
        BrokerUnavailable: No broker answers.
        ConfigurationError: A topic exists with another number of partitions, or the broker refuses one.
    """
    async with admin(settings) as client:
        wanted = [
            NewTopic(
                topic.name,
                topic.partitions(settings.kafka),
                settings.kafka.replication,
                topic_configs=topic.configs(settings.kafka),
            )
            for topic in CATALOGUE
        ]
        response = await client.create_topics(wanted)
        created = []
        for name, code, *detail in response.topic_errors:
            if code == 0:
                created.append(name)
            elif code != ALREADY_EXISTS:
                raise ConfigurationError(f"topic {name}: {for_code(code).__name__} {detail}; correct kafka.*")
        described = await _described(client, [topic.name for topic in CATALOGUE], settings)
        by_name = {topic.name: topic for topic in CATALOGUE}
        for entry in described:
            want = by_name[entry["topic"]].partitions(settings.kafka)
            have = len(entry["partitions"])
            if have != want:
                raise ConfigurationError(
                    f"topic {entry['topic']} has {have} partitions but kafka.partitions asks for {want}; "
                    "keys would move between workers: set kafka.partitions to what exists"
                )
        return created


async def _described(client: AIOKafkaAdminClient, names: list[str], settings: Settings) -> list[dict[str, Any]]:
    """Return the topics once the broker knows the partitions of all: that takes a moment after their creation."""
    async with asyncio.timeout(settings.kafka.request_timeout_seconds):
        while True:
            described: list[dict[str, Any]] = await client.describe_topics(names)
            if all(entry["partitions"] for entry in described):
                return described
            await asyncio.sleep(METADATA_PAUSE_SECONDS)


async def cluster_id(settings: Settings) -> str:
    """Return the id of the log behind the broker; the embedded broker has a new one at every start."""
    return await log_identity(settings.kafka)


async def log_identity(kafka: KafkaSettings) -> str:
    """Return what `cluster_id` does, for who knows no more than how to reach the broker."""
    async with _admin(kafka) as client:
        return str((await client.describe_cluster())["cluster_id"])
