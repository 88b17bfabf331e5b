from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from schemas.settings import KafkaSettings
from streams.embedded.broker import EmbeddedBroker
from streams.embedded.ports import LOOPBACK, free_ports
from streams.envelope import Publication
from streams.follow import Following, follow
from streams.outbox import Outbox
from streams.topics import Scope, Topic
from tests.kafka.polling import until

TOMBSTONE = None


class Follower:
    """What has been applied so far."""

    def __init__(self) -> None:
        self.applied: list[tuple[bytes | None, bytes | None]] = []
        self.following = Following()
        self.caught_up = self.following.caught_up

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        assert not self.caught_up.is_set() or self.applied
        self.applied.append((key, value))


@asynccontextmanager
async def following(kafka: KafkaSettings, topic: str) -> AsyncIterator[Follower]:
    follower = Follower()
    described = Topic(topic, Scope.INTERNAL, None, None, "key", "", compacted=True, copartitioned=False)
    task = asyncio.ensure_future(follow(kafka, described, follower.apply, follower.following))
    try:
        yield follower
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_all_facts_are_applied_in_order_and_then_it_has_caught_up(
    kafka: KafkaSettings, topic: str, outbox: Outbox
) -> None:
    facts = [(b"k%d" % number, b"%d" % number) for number in range(500)]
    await outbox.publish(topic, 0, [Publication(value, key) for key, value in facts])
    await outbox.publish(topic, 0, [Publication(TOMBSTONE, b"k1")])
    async with following(kafka, topic) as follower:
        async with asyncio.timeout(60):
            await follower.caught_up.wait()
        assert follower.applied == [*facts, (b"k1", None)], "ready means that the whole topic is known"
        await outbox.publish(topic, 0, [Publication(b"new", b"k1")])
        await until(lambda: follower.applied[-1] == (b"k1", b"new"))
        assert len(follower.applied) == len(facts) + 2
        assert follower.following.position == len(follower.applied)
        await until(lambda: not follower.following.behind)
        assert follower.following.caught_up_at > 0


async def test_an_empty_topic_is_caught_up_with_at_once(kafka: KafkaSettings, topic: str) -> None:
    async with following(kafka, topic) as follower, asyncio.timeout(60):
        await follower.caught_up.wait()
        assert follower.applied == []


async def test_a_broker_that_is_away_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (port,) = free_ports(1)
    kafka = KafkaSettings(bootstrap=f"{LOOPBACK}:{port}", fetch_max_wait_ms=4, idempotent_producer=False)
    async with following(kafka, "facts") as follower:
        await until(lambda: "cannot follow a topic" in caplog.text)
        assert not follower.caught_up.is_set()
        broker = EmbeddedBroker(tmp_path, port=port)
        await broker.start()
        try:
            async with Outbox(kafka) as outbox:
                await outbox.publish("facts", 0, [Publication(b"1", b"k")])
            await until(lambda: follower.applied == [(b"k", b"1")])
            async with asyncio.timeout(60):
                await follower.caught_up.wait()
        finally:
            await broker.stop()
