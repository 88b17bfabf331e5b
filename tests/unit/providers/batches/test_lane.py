"""Who leads a shard when two workers believe that they own it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agents.providers.batches.lane import BatchLane
from schemas.batch import Call, Completion
from schemas.jobs import ItemsMoved, SubmissionBegun
from schemas.settings import BatchSettings, KafkaSettings, Settings
from streams.background import Background
from streams.stage import Receipt
from tests.memory.batches import MemoryBatches
from tests.memory.broker import MemoryBroker
from tests.memory.log import MemoryLog, at_once
from tests.servers.batch_desk import BatchDesk
from tests.unit.providers.batches.made import a_call, ids, intended
from tests.unit.providers.virtual_time import clock, run

SETTINGS = Settings(
    kafka=KafkaSettings(partitions=1),
    batches=BatchSettings(collect_seconds=1.0, poll_seconds=1.0, settle_seconds=5.0, rescue_seconds=1.0),
)


@dataclass
class Worker:
    """A lane and what it calls; a completion is durable as soon as it is published."""

    broker: MemoryBroker
    desk: BatchDesk
    called: list[str] = field(default_factory=list)
    settled: int = 0

    def __post_init__(self) -> None:
        self.failures: list[BaseException] = []
        self.lane = BatchLane(
            SETTINGS,
            MemoryLog(self.broker),
            {"east": MemoryBatches(self.desk, at_once)},
            Background(self.failures.append),
            clock,
            self._publish,
            self._call,
        )

    async def begin(self) -> None:
        await self.lane.take_over({0: 0})
        self.lane.start()

    async def take(self, name: str, deadline: float) -> None:
        call = a_call(name, deadline=clock() + deadline)
        assert self.lane.takes(0, call)
        await self.lane.take(0, [(call, self)])
        assert self.lane.holds(0, call)

    async def work(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.lane.tick()
            await asyncio.sleep(1.0)
        assert self.failures == []

    def settle(self) -> None:
        self.settled += 1

    async def _publish(self, completions: list[Completion]) -> None:
        """Lose nothing."""

    def _call(self, call: Call, receipt: Receipt, batch: str | None) -> None:
        self.called.append(call.passenger.id)
        receipt.settle()


def with_two(tell: Callable[[Worker, Worker], Awaitable[None]]) -> None:
    async def test() -> None:
        broker, desk = MemoryBroker(clock), BatchDesk(clock)
        one, other = Worker(broker, desk), Worker(broker, desk)
        await tell(one, other)

    run(test())


def test_the_one_that_stays_takes_the_shard_back_and_does_the_work() -> None:
    async def tell(rightful: Worker, undead: Worker) -> None:
        await rightful.begin()
        await undead.begin()  # it was taken for dead, and hears of it only later
        await undead.lane.stop()
        await rightful.take("r1", 3600.0)
        assert rightful.settled == 1, "the call is durable, whoever leads"
        await rightful.work(4)
        assert rightful.desk.batches == {}
        await rightful.work(10)
        assert [list(batch.items) for batch in rightful.desk.batches.values()] == [ids("r1")]

    with_two(tell)


def test_what_the_other_moved_is_called_and_what_it_may_have_submitted_is_left_to_settle() -> None:
    async def tell(rightful: Worker, undead: Worker) -> None:
        await rightful.begin()
        await rightful.take("r1", 3600.0)
        await rightful.take("r2", 3600.0)
        await undead.begin()
        shard = undead.lane._shards[0]
        job = intended("r2")
        await shard.write([job, SubmissionBegun(job.job), ItemsMoved(ids("r1"), {})])
        await undead.lane.stop()
        began = clock()
        await rightful.work(20)
        assert rightful.called == ["r1"]
        (batch,) = rightful.desk.batches.values()
        assert list(batch.items) == ids("r2")
        assert batch.created_at >= began + SETTINGS.batches.settle_seconds

    with_two(tell)


def test_who_owns_nothing_holds_nothing() -> None:
    async def tell(one: Worker, other: Worker) -> None:
        del other
        await one.begin()
        await one.take("r1", 3600.0)
        assert one.lane.hold_back(0) == 1
        await one.lane.stop()
        one.lane.tick()
        one.lane.forget()
        assert one.lane.hold_back(0) is None
        assert not one.lane.takes(0, a_call("r2"))
        await one.lane.close()

    with_two(tell)
