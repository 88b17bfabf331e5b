"""A worker without Faust: the real stages, fed from a memory broker the way Faust and our consumer feed them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

from faust.types import TP

from agents.bootstrap import Stages, compose_stages
from agents.providers.batches.interface import BatchInterface
from agents.providers.protocol import Provider
from schemas.registry import ModelRegistry
from schemas.settings import Settings
from streams.records import Record
from streams.tenancy.state import PartitionState
from streams.topics import Topic
from streams.transport.deliveries import Deliveries
from tests.memory.broker import MemoryBroker
from tests.memory.log import MemoryLog, Step, at_once

QUEUED_DELIVERIES = 4
"""Per agent; as Faust's stream buffer, only smaller."""
TICK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Machine:
    """What every worker of a cluster is made of.

    Attributes:
        tenants: Facts on the governance topic: key and value.
        fetch_records: Most records in a delivery.
        tick_seconds: Between two looks at what is due.
        batches: Makes a process's batch interfaces; given what it must ask before each thing that may be its last.
        fit: Given the fresh state of every partition.
    """

    settings: Settings
    broker: MemoryBroker
    registry: ModelRegistry
    providers: Callable[[str], Mapping[str, Provider]]
    clock: Callable[[], float]
    tenants: Iterable[tuple[bytes, bytes]]
    fetch_records: int = 100
    tick_seconds: float = TICK_SECONDS
    batches: Callable[[Step], Mapping[str, BatchInterface]] = lambda step: {}
    fit: Callable[[PartitionState], PartitionState] = lambda state: state


class Delivery(NamedTuple):
    """One fetch of one partition on its way to its agent."""

    tp: TP
    records: list[Record]
    next_offset: int
    generation: int


class MemoryWorker:
    """One worker process.

    Attributes:
        name: Of the process; part of the ids of the calls it pays for.
        failures: What reached `fatal`.
        cut_off: Calls under way at the moments when it had to give up partitions.
    """

    def __init__(self, name: str, machine: Machine, step: Step = at_once) -> None:
        self.name = name
        self.failures: list[BaseException] = []
        self.cut_off = 0
        self._machine = machine
        self._step = step
        self.log = MemoryLog(machine.broker, step)
        numbers = count(1)
        self.stages: Stages = compose_stages(
            machine.settings,
            self.log,
            self.failures.append,
            machine.registry,
            machine.providers(name),
            machine.batches(step),
            clock=machine.clock,
            call_id=lambda: f"{name}-{next(numbers)}",
            fit=machine.fit,
        )
        for key, value in machine.tenants:
            self.stages.directory.apply(key, value)
        self.stages.following.caught_up.set()
        self.deliveries = Deliveries(self.stages.custody)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._arrived = asyncio.Event()
        self._flowing = asyncio.Event()
        self._queues: dict[str, asyncio.Queue[Delivery]] = {}
        self._positions: dict[TP, int] = {}
        self._generation = 0
        self._gaining: asyncio.Task[Any] | None = None
        self._committing = asyncio.Lock()

    def start(self) -> None:
        """Run fetcher, agents, timers."""
        self._machine.broker.listen(self._arrived)
        for topic, receive in self.stages.receivers.items():
            queue = self._queues[topic.name] = asyncio.Queue(QUEUED_DELIVERIES)
            self.run(self._agent(topic, queue, receive))
        self.run(self._fetch())
        self.run(self._tick())
        self.run(self._commit_regularly())

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something that dies with this process."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def die(self) -> None:
        """Stop between two instructions, as `kill -9` does."""
        self._machine.broker.ignore(self._arrived)
        self.cut_off += self.under_way
        self.stages.runner.cancel_all()
        for task in [*self._tasks, *self.stages.background._tasks, *self.stages.publishing._tasks]:
            task.cancel()

    @property
    def under_way(self) -> int:
        """Calls whose completion is not in the log yet."""
        return len(self.stages.calls._under_way)

    async def revoke(self) -> None:
        """Give up all partitions, as our consumer does at the start of a rebalance."""
        self._flowing.clear()
        self.cut_off += self.under_way
        await self.stages.custody.lose(frozenset(self._positions))
        await self.commit()
        for queue in self._queues.values():
            while not queue.empty():
                queue.get_nowait()
        self.deliveries.clear()

    def assign(self, tps: Iterable[TP], generation: int) -> None:
        """Take partitions over; a take-over that is still under way ends here, as Faust's recovery does."""
        if self._gaining is not None:
            self._gaining.cancel()
        self._generation = generation
        self._positions = {tp: self._machine.broker.committed.get(tp, 0) for tp in tps}
        self._gaining = self.run(self._gain(generation))

    async def commit(self) -> None:
        """Save checkpoints and commit, as our consumer does."""
        async with self._committing:
            generation = self._generation
            offsets = await self.deliveries.checkpoint()
            if not offsets:
                return
            await self._step("commit")
            owned = {tp: offset for tp, offset in offsets.items() if tp in self._positions}
            if self._machine.broker.commit(owned, generation):
                self.deliveries.committed(offsets)

    async def drain(self) -> None:
        """Stop in order, as `agents.bootstrap.Pipeline.drain` does."""
        self._flowing.clear()
        self.cut_off += self.under_way
        await self.stages.custody.lose(frozenset())
        await self.commit()

    async def _gain(self, generation: int) -> None:
        committed = {tp: self._machine.broker.committed.get(tp) for tp in self._positions}
        resume = await self.deliveries.gain(self._positions, generation, committed)
        self._positions.update(resume)
        self._flowing.set()
        self._arrived.set()

    async def _fetch(self) -> None:
        while True:
            await self._flowing.wait()
            self._arrived.clear()
            if not await self._fetch_once():
                await self._arrived.wait()

    async def _fetch_once(self) -> bool:
        any_found = False
        generation = self._generation
        for tp, position in list(self._positions.items()):
            records = self._machine.broker.stretch(
                tp.topic, tp.partition, position, position + self._machine.fetch_records
            )
            if not records:
                continue
            await self._step(f"fetch {tp.topic}")
            if not self._flowing.is_set() or not self.deliveries.has_gained(generation):
                return False
            any_found = True
            next_offset = records[-1].offset + 1
            self._positions[tp] = next_offset
            self.deliveries.deliver(tp, next_offset, self._machine.broker.end(tp.topic, tp.partition))
            await self._queues[tp.topic].put(Delivery(tp, list(records), next_offset, generation))
        return any_found

    async def _agent(self, topic: Topic, queue: asyncio.Queue[Delivery], receive: Any) -> None:
        while True:
            tp, records, next_offset, generation = await queue.get()
            await self._step(f"deliver {topic.name}")
            if generation != self._generation or not self._flowing.is_set():
                continue

            def acknowledge(tp: TP = tp, next_offset: int = next_offset, generation: int = generation) -> None:
                self.deliveries.settle(tp, next_offset, generation)

            await receive(tp.partition, records, acknowledge)

    async def _tick(self) -> None:
        while True:
            self.stages.tick()
            await asyncio.sleep(self._machine.tick_seconds)

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._machine.settings.kafka.commit_interval_seconds)
            await self.commit()
