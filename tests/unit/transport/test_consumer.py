from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import faust
import pytest
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.types import TP, ConsumerMessage

from schemas.settings import KafkaSettings, Settings
from streams.app import create_app
from streams.transport.consumer import MicroBatchConsumer, MicroBatchThread
from streams.transport.offsets import Checkpoint
from streams.transport.pace import IDLE_AFTER_SECONDS, IDLE_WAIT_MS
from tests.unit.transport.keeping import FakeCustodian

A, B = TP("requests", 0), TP("requests", 1)
END = 100
FETCH_MAX_WAIT_MS = 7
FETCHED_AT_ONCE = 3


async def nothing() -> None:
    """Happen."""


class Fetched(NamedTuple):
    """A record as aiokafka delivers it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = b"acme"
    value: bytes | None = b"{}"
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 1_500
    timestamp_type: int = 0


@dataclass
class FakeThread:
    """Stands in for the consumer thread: partitions of `END` records each, and where they are read.

    Attributes:
        meanwhile: Called after a fetch has moved the positions and before its records arrive.
        commits: Whether the next commits succeed.
    """

    story: list[str]
    positions: dict[TP, int] = field(default_factory=dict)
    stored: dict[TP, int] = field(default_factory=dict)
    committed: list[dict[TP, int]] = field(default_factory=list)
    commits: bool = True
    waits_ms: int = 0
    meanwhile: Callable[[], Awaitable[None]] = nothing

    async def getmany(self, active: Iterable[TP], timeout: float) -> dict[TP, list[Fetched]]:  # noqa: ASYNC109
        del timeout
        found = {}
        for tp in sorted(self.positions):
            start = self.positions[tp]
            if tp in active:
                self.positions[tp] = min(start + FETCHED_AT_ONCE, END)
                found[tp] = [Fetched(tp.topic, tp.partition, offset) for offset in range(start, self.positions[tp])]
        await self.meanwhile()
        return found

    def wait_at_most(self, milliseconds: int) -> None:
        self.waits_ms = milliseconds

    def seek(self, tp: TP, offset: int) -> None:
        self.positions[tp] = offset

    def assignment(self) -> set[TP]:
        return set(self.positions)

    def highwater(self, tp: TP) -> int:
        assert tp in self.positions
        return END

    async def seek_to_committed(self) -> Mapping[TP, int]:
        return self.stored

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        self.story.append("commit")
        self.committed.append(dict(offsets))
        return self.commits


@dataclass
class Worker:
    """A consumer, what it stands on and what it hands on."""

    app: faust.App
    consumer: MicroBatchConsumer
    thread: FakeThread
    custodian: FakeCustodian

    def next_generation(self) -> None:
        self.app.consumer_generation_id += 1

    async def fetch(self) -> list[ConsumerMessage]:
        return [cast("ConsumerMessage", message) async for _, message in self.consumer.getmany(1.0)]

    async def assigned(self, *tps: TP) -> Mapping[TP, int]:
        """Gain these partitions in a new generation, as Faust's recovery does."""
        self.next_generation()
        self.thread.positions = dict.fromkeys(tps, 0)
        self.consumer._set_active_tps(set(tps))
        return await self.resumed()

    async def resumed(self) -> Mapping[TP, int]:
        positions = await self.consumer.seek_to_committed()
        self.consumer.resume_flow()
        return positions


@pytest.fixture
async def worker() -> Worker:
    custodian = FakeCustodian()
    app = create_app(Settings(kafka=KafkaSettings(fetch_max_wait_ms=FETCH_MAX_WAIT_MS)), custodian)

    async def callback(*args: object, **kwargs: object) -> None:
        del args, kwargs

    consumer = app.transport.create_consumer(
        callback=callback, on_partitions_revoked=callback, on_partitions_assigned=callback
    )
    assert isinstance(consumer, MicroBatchConsumer)
    thread = FakeThread(custodian.story)
    consumer._thread.thread_loop.close()  # it makes its own when it is made
    cast("Any", consumer)._thread = thread
    return Worker(app, consumer, thread, custodian)


def offsets_of(message: ConsumerMessage) -> list[int]:
    return [record.offset for record in cast("Any", message.value)]


async def test_a_fetch_of_a_partition_is_one_message(worker: Worker) -> None:
    await worker.assigned(A, B)
    first, second = await worker.fetch()
    assert (first.tp, first.offset, first.timestamp, first.generation_id) == (A, 2, 1.5, 1)
    assert offsets_of(first) == offsets_of(second) == [0, 1, 2]
    record = cast("Any", second.value)[0]
    assert (record.topic, record.partition, record.key, record.timestamp) == ("requests", 1, b"acme", 1.5)


async def test_an_empty_fetch_is_no_message(worker: Worker) -> None:
    await worker.assigned(A)
    worker.thread.seek(A, END)
    assert await worker.fetch() == []


async def test_acknowledged_messages_are_saved_and_committed_up_to_the_first_gap(worker: Worker) -> None:
    await worker.assigned(A)
    first, second, third = [*await worker.fetch(), *await worker.fetch(), *await worker.fetch()]
    assert worker.consumer.ack(first)
    assert not worker.consumer.ack(first), "once"
    assert worker.consumer.ack(third)
    assert await worker.consumer.commit()
    assert not await worker.consumer.commit(), "nothing has moved"
    worker.consumer.ack(second)
    assert await worker.consumer.commit()
    assert worker.thread.committed == [{A: 3}, {A: 9}]
    assert worker.custodian.story == ["gain", "save", "commit", "save", "commit"]


async def test_a_commit_that_failed_is_made_up_for(worker: Worker) -> None:
    await worker.assigned(A)
    worker.consumer.ack((await worker.fetch())[0])
    worker.thread.commits = False
    assert not await worker.consumer.commit()
    worker.thread.commits = True
    assert await worker.consumer.commit()
    assert worker.thread.committed == [{A: 3}, {A: 3}]
    assert worker.custodian.saved == [{A: Checkpoint(3, {})}], "the checkpoint is durable already"


async def test_gained_partitions_resume_at_the_further_of_checkpoint_and_commit(worker: Worker) -> None:
    worker.thread.stored = {A: 4, B: 8}
    worker.custodian.found = {A: Checkpoint(6, {}), B: Checkpoint(8, {})}
    assert await worker.assigned(A, B) == {A: 6, B: 8}
    assert worker.thread.positions == {A: 6, B: 8}
    assert [offsets_of(message) for message in await worker.fetch()] == [[6, 7, 8], [8, 9, 10]]


async def test_a_rebalance_is_waited_for_and_committed_before_partitions_go(worker: Worker) -> None:
    await worker.assigned(A, B)
    before = await worker.fetch()
    worker.consumer.ack(before[0])
    await worker.consumer.on_partitions_revoked({A, B})
    assert not worker.consumer.flow_active
    assert worker.custodian.story == ["gain", "lose 2", "save", "commit"]
    await worker.assigned(A, B)
    worker.consumer.ack(before[1])
    assert not await worker.consumer.commit(), "an answer that comes after the partitions went"


async def test_records_that_arrive_while_the_flow_is_stopped_are_fetched_again(worker: Worker) -> None:
    await worker.assigned(A)
    assert [offsets_of(message) for message in await worker.fetch()] == [[0, 1, 2]]

    async def stopped() -> None:
        worker.consumer.stop_flow()

    worker.thread.meanwhile = stopped
    assert await worker.fetch() == []
    assert worker.thread.positions == {A: 3}
    worker.thread.meanwhile = nothing
    worker.consumer.resume_flow()
    assert [offsets_of(message) for message in await worker.fetch()] == [[3, 4, 5]]


async def test_a_generation_that_begins_while_messages_are_handed_on_ends_them(worker: Worker) -> None:
    await worker.assigned(A, B)
    messages = worker.consumer.getmany(1.0)
    assert (await anext(messages))[0] == A
    worker.next_generation()
    assert [tp async for tp, _ in messages] == []
    assert worker.thread.positions == {A: 3, B: 0}


async def test_records_of_a_fetch_that_spans_a_rebalance_are_fetched_again(worker: Worker) -> None:
    await worker.assigned(A)
    await worker.fetch()

    async def rebalanced() -> None:
        await worker.consumer.on_partitions_revoked({A})
        worker.custodian.found = {A: Checkpoint(2, {})}
        await worker.assigned(A)

    worker.thread.meanwhile = rebalanced
    assert await worker.fetch() == [], "read where the last assignment stood"
    worker.thread.meanwhile = nothing
    assert [offsets_of(message) for message in await worker.fetch()] == [[2, 3, 4]]


async def test_partitions_that_have_gone_are_not_sought(worker: Worker) -> None:
    await worker.assigned(A)

    async def revoked() -> None:
        worker.consumer.stop_flow()
        worker.thread.positions = {}

    worker.thread.meanwhile = revoked
    assert await worker.fetch() == []
    assert worker.thread.positions == {}


async def test_a_fetch_without_an_answer_is_no_message(worker: Worker) -> None:
    await worker.assigned(A)
    worker.consumer._set_active_tps({B})
    assert await worker.fetch() == []


async def test_a_partition_paused_during_a_fetch_is_fetched_again_unless_it_is_buffered(worker: Worker) -> None:
    await worker.assigned(A, B)

    async def paused() -> None:
        worker.consumer.pause_partitions({A})

    worker.thread.meanwhile = paused
    assert [message.tp for message in await worker.fetch()] == [B]
    assert worker.thread.positions == {A: 0, B: 3}
    worker.consumer.resume_partitions({A})
    worker.consumer._buffered_partitions.add(A)
    assert [message.tp for message in await worker.fetch()] == [A, B]


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_interrupts_a_fetch_every_record_is_delivered_in_order(worker: Worker, seed: int) -> None:
    chance = random.Random(seed)
    expected = dict.fromkeys((A, B), 0)

    async def rebalanced() -> None:
        await worker.consumer.on_partitions_revoked({A, B})
        worker.thread.stored = {tp: offset for done in worker.thread.committed for tp, offset in done.items()}
        expected.update({A: 0, B: 0, **worker.thread.stored})
        await worker.assigned(A, B)

    async def interrupted() -> None:
        if chance.random() < 0.2:
            worker.consumer.stop_flow()
        if chance.random() < 0.1:
            await rebalanced()

    worker.thread.meanwhile = interrupted
    await worker.assigned(A, B)
    while min(expected.values()) < END:
        async for tp, delivered in worker.consumer.getmany(1.0):
            message = cast("ConsumerMessage", delivered)
            assert offsets_of(message)[0] == expected[tp], "no gap, and no repetition within an assignment"
            expected[tp] = message.offset + 1
            if chance.random() < 0.8:
                worker.consumer.ack(message)
            await interrupted()
        worker.consumer.resume_flow()


async def test_an_idle_consumer_asks_less_often(worker: Worker) -> None:
    await worker.assigned(A)
    await worker.fetch()
    assert worker.thread.waits_ms == FETCH_MAX_WAIT_MS
    worker.thread.seek(A, END)
    worker.consumer._set_active_tps({B})
    worker.consumer._pace._last_data -= IDLE_AFTER_SECONDS
    await worker.fetch()
    assert worker.thread.waits_ms == IDLE_WAIT_MS
    worker.consumer._set_active_tps({A})
    worker.thread.seek(A, 0)
    await worker.fetch()
    assert worker.thread.waits_ms == FETCH_MAX_WAIT_MS


async def test_offsets_the_broker_leaves_out_need_no_acknowledgement(worker: Worker) -> None:
    await worker.assigned(A)
    await worker.consumer._add_gap(A, 0, 5)
    assert not await worker.consumer.commit()


@dataclass
class FakeKafkaConsumer:
    """As much of aiokafka's consumer as a commit needs."""

    owned: set[TopicPartition]
    committed: list[Mapping[TopicPartition, OffsetAndMetadata]] = field(default_factory=list)
    failure: Exception | None = None

    def assignment(self) -> set[TopicPartition]:
        return self.owned

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        if self.failure is not None:
            raise self.failure
        self.committed.append(offsets)


@pytest.fixture
def thread(worker: Worker) -> Iterator[MicroBatchThread]:
    made = worker.consumer._new_consumer_thread()
    yield made
    made.thread_loop.close()


async def test_only_partitions_owned_now_are_committed(thread: MicroBatchThread) -> None:
    kafka = cast("Any", thread)._consumer = FakeKafkaConsumer({TopicPartition("requests", 0)})
    assert await thread._commit({A: 3, B: 5})
    assert kafka.committed == [{TopicPartition("requests", 0): OffsetAndMetadata(3, "")}]
    assert not await thread._commit({B: 5})
    assert len(kafka.committed) == 1


async def test_a_broker_that_refuses_a_commit_is_no_reason_to_die(
    thread: MicroBatchThread, caplog: pytest.LogCaptureFixture
) -> None:
    cast("Any", thread)._consumer = FakeKafkaConsumer({TopicPartition("requests", 0)}, failure=CommitFailedError())
    assert not await thread._commit({A: 3})
    assert [record.getMessage() for record in caplog.records] == ["commit failed"]


async def test_aiokafka_is_configured_as_the_settings_say(worker: Worker, thread: MicroBatchThread) -> None:
    kafka = Settings().kafka
    client: Any = thread._create_worker_consumer(cast("Any", worker.app.transport))
    assert client._fetch_max_wait_ms == FETCH_MAX_WAIT_MS
    assert client._group_id == kafka.group
    assert client._session_timeout_ms == kafka.session_timeout_seconds * 1000
    assert client._max_poll_records == kafka.max_poll_records
    assert client._enable_auto_commit is False
    assert client._auto_offset_reset == "earliest"
    assert [assignor.name for assignor in client._partition_assignment_strategy] == ["range"]
    await client.stop()


async def test_idle_partitions_are_no_alarm(thread: MicroBatchThread, caplog: pytest.LogCaptureFixture) -> None:
    thread.verify_event_path(1e12, A)
    assert caplog.records == []
