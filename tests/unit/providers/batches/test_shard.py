from __future__ import annotations

import pytest

from agents.providers.batches.book import NO_EPOCH
from agents.providers.batches.shard import Shard
from schemas.jobs import ItemsMoved
from streams.topics import JOBS
from tests.flow.journeys import NOW
from tests.memory.broker import MemoryBroker
from tests.memory.log import MemoryLog
from tests.unit.providers.batches.made import ids, intended, taken


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker(lambda: NOW)


async def a_shard(broker: MemoryBroker, batch_bytes: int = 100_000) -> Shard:
    log = MemoryLog(broker)
    shard = Shard(0, log, lambda: NOW, batch_bytes)
    await shard.take()
    async for records in log.read({(JOBS.name, 0): 0}):
        shard.read(records)
    return shard


async def test_facts_are_folded_once_they_are_durable(broker: MemoryBroker) -> None:
    shard = await a_shard(broker)
    assert await shard.write([taken("r1"), intended("r1")])
    assert shard.book.jobs.keys() == {intended("r1").job}
    successor = await a_shard(broker)
    assert successor.book.jobs.keys() == shard.book.jobs.keys()
    assert successor.book.items.keys() == shard.book.items.keys()


async def test_nobody_acts_on_a_decision_after_another_took_the_shard(broker: MemoryBroker) -> None:
    old = await a_shard(broker)
    await old.write([taken("r1", "r2")])
    new = await a_shard(broker)
    assert not await old.write([intended("r1")]), "only now does it hear of it"
    assert not old.in_charge
    assert await new.write([intended("r2")])
    assert new.book.jobs.keys() == {intended("r2").job}
    assert new.book.free.keys() == set(ids("r1"))
    assert not await old.write([ItemsMoved(ids("r2"), {})]), "and it writes no more"
    assert broker.end(JOBS.name, 0) == 5


async def test_what_is_true_is_written_anyway_and_heard_by_the_one_in_charge(broker: MemoryBroker) -> None:
    old = await a_shard(broker)
    new = await a_shard(broker)
    assert not await old.write([taken("r1")], anyway=True)
    assert not await old.write([taken("r2")], anyway=True)
    assert await new.write([taken("r3")])
    assert new.book.items.keys() == set(ids("r1", "r2", "r3"))


async def test_whoever_still_owns_the_partition_takes_it_back(broker: MemoryBroker) -> None:
    rightful = await a_shard(broker)
    await rightful.write([taken("r1")])
    undead = await a_shard(broker)
    await undead.write([intended("r1")])
    assert not await rightful.write([intended("r1")])
    await rightful.take_back()
    assert rightful.in_charge
    assert rightful.book.jobs.keys() == {intended("r1").job}, "what the other decided while it was in charge counts"
    assert not await undead.write([ItemsMoved(ids("r1"), {})])
    assert await rightful.write([ItemsMoved(ids("r1"), {})])
    assert rightful.book.items[ids("r1")[0]].moved


async def test_calls_are_split_over_records(broker: MemoryBroker) -> None:
    shard = await a_shard(broker, batch_bytes=1500)
    assert await shard.write([taken("r1", "r2", "r3"), intended("r1")])
    assert broker.end(JOBS.name, 0) == 5
    assert len(shard.book.items) == 3
    assert shard.book.epoch > NO_EPOCH
