"""Only an owner works on a partition: what reaches a worker before or after is left to whoever owns it then."""

from __future__ import annotations

import asyncio
from functools import partial

import msgspec
import pytest
from faust.types import TP

from schemas.batch import Call, CallBatch, CompletionBatch
from schemas.settings import ProviderSettings, WorkerSettings
from streams.envelope import Publication
from streams.records import Record
from streams.topics import COMPLETIONS, DISPATCH, REQUESTS, RESULTS, Topic
from tests.flow.journeys import BIG, PARIS, a_completion, a_passenger
from tests.memory.worker import MemoryWorker
from tests.pipeline.rig import PARTITIONS, Rig, ask, settings
from tests.unit.providers.virtual_time import run

COMMON = settings()
OWN = frozenset(TP(topic.name, p) for topic in (REQUESTS, DISPATCH, COMPLETIONS) for p in range(PARTITIONS))

_encode = msgspec.msgpack.Encoder().encode
VALUES = {
    REQUESTS: ask("r1"),
    DISPATCH: _encode(CallBatch([Call(a_passenger("r1"), ask("r1"), (BIG,), 0.0)])),
    COMPLETIONS: _encode(CompletionBatch([a_completion(a_passenger("r1"), answer=PARIS)])),
}


def message(topic: Topic, value: bytes) -> Record:
    return Record(topic.name, 0, 0, b"acme", value, (), 0.0)


async def handed(worker: MemoryWorker, topic: Topic) -> bool:
    """Hand a delivery to a stage; return whether it was acknowledged."""
    acknowledged: list[None] = []
    await worker.stages.receivers[topic](0, [message(topic, VALUES[topic])], lambda: acknowledged.append(None))
    await asyncio.sleep(1)
    return bool(acknowledged)


@pytest.mark.parametrize("topic", VALUES, ids=lambda topic: topic.name)
def test_a_delivery_is_worked_on_by_the_owner_only(topic: Topic) -> None:
    async def test() -> None:
        rig = Rig(COMMON)
        worker = MemoryWorker("w1", rig.machine())
        custody = worker.stages.custody
        assert not await handed(worker, topic), "never assigned"
        await custody.gain(OWN, 1)
        await custody.lose(OWN)
        assert not await handed(worker, topic), "given up"
        assert rig.asked == []
        assert rig.broker.topic(RESULTS.name) == []
        await custody.gain(OWN, 2)
        assert await handed(worker, topic), "owned"
        assert worker.failures == []
        assert worker.stages.intake._capacity.used == worker.stages.calls._capacity.used == 0

    run(test())


@pytest.mark.parametrize("topic", [REQUESTS, DISPATCH], ids=lambda topic: topic.name)
def test_what_waits_for_capacity_when_the_partition_goes_is_dropped(topic: Topic) -> None:
    async def test() -> None:
        rig = Rig(settings(worker=WorkerSettings(max_outstanding=1, drain_seconds=0.01)))
        worker = MemoryWorker("w1", rig.machine())
        await worker.stages.custody.gain(OWN, 1)
        stages = worker.stages
        capacity = stages.intake._capacity if topic is REQUESTS else stages.calls._capacity
        await capacity.take(1)
        waiting = asyncio.create_task(handed(worker, topic))
        await asyncio.sleep(0)
        await worker.stages.custody.lose(OWN)
        assert not await waiting
        assert capacity.used == 0
        await worker.stages.custody.gain(OWN, 2)
        assert await handed(worker, topic)

    run(test())


def test_an_empty_message_of_calls_is_acknowledged() -> None:
    async def test() -> None:
        worker = MemoryWorker("w1", Rig(COMMON).machine())
        await worker.stages.custody.gain(OWN, 1)
        for topic, empty in ((DISPATCH, CallBatch([])), (COMPLETIONS, CompletionBatch([]))):
            acknowledged: list[None] = []
            record = message(topic, _encode(empty))
            await worker.stages.receivers[topic](0, [record], lambda: acknowledged.append(None))  # noqa: B023
            assert acknowledged == [None]

    run(test())


def test_a_call_that_comes_twice_is_made_once_and_both_messages_are_settled() -> None:
    async def test() -> None:
        rig = Rig(COMMON)
        worker = MemoryWorker("w1", rig.machine())
        await worker.stages.custody.gain(OWN, 1)
        acknowledged: list[int] = []
        for number in range(2):
            record = message(DISPATCH, VALUES[DISPATCH])
            await worker.stages.receivers[DISPATCH](0, [record], partial(acknowledged.append, number))
        assert acknowledged == [], "still under way"
        await asyncio.sleep(1)
        await worker.stages.receivers[DISPATCH](0, [record], partial(acknowledged.append, 2))
        assert acknowledged == [0, 1, 2]
        assert len(rig.asked) == len(rig.broker.topic(COMPLETIONS.name)) == 1

    run(test())


def test_a_call_that_outlasts_giving_up_is_left_to_the_next_owner() -> None:
    async def test() -> None:
        slow = ProviderSettings(kind="simulated", latency_ms=60_000)
        rig = Rig(settings(worker=WorkerSettings(drain_seconds=0.5), providers={"east": slow}))
        worker = MemoryWorker("w1", rig.machine())
        await worker.stages.custody.gain(OWN, 1)
        assert not await handed(worker, DISPATCH)
        assert worker.under_way == 1
        await worker.stages.custody.lose(OWN)
        assert worker.under_way == 0
        await asyncio.sleep(120)
        assert rig.broker.topic(COMPLETIONS.name) == []

    run(test())


def test_completions_beyond_the_size_of_a_message_are_divided() -> None:
    async def test() -> None:
        rig = Rig(settings(kafka=COMMON.kafka.model_copy(update={"batch_bytes": 2_000})))
        worker = MemoryWorker("w1", rig.machine())
        await worker.stages.custody.gain(OWN, 1)
        calls = [Call(a_passenger(f"r{number}"), ask(f"r{number}"), (BIG,), 0.0) for number in range(20)]
        record = message(DISPATCH, _encode(CallBatch(calls)))
        await worker.stages.receivers[DISPATCH](0, [record], lambda: None)
        await asyncio.sleep(1)
        written = rig.broker.topic(COMPLETIONS.name)
        batches = [msgspec.msgpack.decode(one.value or b"", type=CompletionBatch) for one in written]
        ids = [completion.passenger.id for batch in batches for completion in batch.completions]
        assert sorted(ids) == sorted(f"r{number}" for number in range(20))
        assert len(batches) > 2
        assert all(len(one.value or b"") <= 2_000 for one in written)

    run(test())


def test_requests_beyond_the_size_of_a_message_are_dispatched_in_several() -> None:
    async def test() -> list[int]:
        rig = Rig(settings(kafka=COMMON.kafka.model_copy(update={"batch_bytes": 4_000})))
        cluster = rig.cluster()
        await cluster.join()
        large = ask("large", prompt="x" * 5_000)
        cluster.submit(b"[" + b",".join([large, *(ask(f"r{number}") for number in range(30))]) + b"]", "acme")
        await cluster.drained()
        assert len(rig.statuses()) == 31
        return [len(record.value or b"") for record in rig.broker.topic(DISPATCH.name)]

    sizes = run(test())
    assert len(sizes) >= 10
    assert [size > 4_000 for size in sizes].count(True) == 1, "only the one that does not fit anywhere"


def test_known_outputs_are_published_to_nobody_else() -> None:
    async def test() -> None:
        rig = Rig(COMMON)
        worker = MemoryWorker("w1", rig.machine())
        await worker.log.publish(RESULTS.name, 0, [Publication(b'{"id":"r1","tenant":"acme","status":"failed"}')])
        await worker.stages.custody.gain(OWN, 1)
        assert worker.log.positions()[RESULTS.name, 0] == 1

    run(test())
