"""Workers that share a log: who owns which partitions, who dies when, and whether all is done in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from faust.types import TP

from streams.envelope import Publication
from streams.partitioning import home_partition
from streams.topics import AUDIT, COMPLETIONS, DISPATCH, FEEDBACK, REQUESTS, Topic
from tests.memory.worker import Machine, MemoryWorker

INPUTS = (REQUESTS, DISPATCH, COMPLETIONS, AUDIT)
LOOK_SECONDS = 0.25


class StillWaiting(AssertionError):
    """Something was not done after all the time there is; says what."""


class Fate(Enum):
    """What befalls a worker."""

    KILLED = "ends between two instructions"
    UNDEAD = "is taken for dead, and goes on until it hears of it"
    LEAVING = "ends in order"
    REBALANCED = "has to give up everything, and gets part of it back"


@dataclass(frozen=True, slots=True)
class Event:
    """What happens to the worker that is about to do one operation.

    Attributes:
        operation: The how-manieth of the cluster.
        late_seconds: What a killed one had on its way to the broker lands this much later; None means never.
        down_seconds: Until somebody takes over.
        undead_seconds: Until one that was taken for dead hears of it.
    """

    operation: int
    fate: Fate = Fate.KILLED
    late_seconds: float | None = None
    down_seconds: float = 0.0
    undead_seconds: float = 0.0


@dataclass(slots=True)
class Cluster:
    """A group of workers.

    Attributes:
        events: At most one per operation.
        delays: Seconds each operation takes, over and over.
        workers: Those alive that know it.
        everyone: All that ever were.
        undead_since: When others took over, by name of a worker that was only thought to be dead.
    """

    machine: Machine
    events: Collection[Event] = ()
    delays: tuple[float, ...] = (0.001,)
    workers: list[MemoryWorker] = field(default_factory=list)
    everyone: list[MemoryWorker] = field(default_factory=list)
    undead_since: dict[str, float] = field(default_factory=dict)
    operations: int = 0
    _undead: list[MemoryWorker] = field(default_factory=list)
    _never: asyncio.Event = field(default_factory=asyncio.Event)
    _rebalancing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def join(self) -> MemoryWorker:
        """Start a worker and share the partitions anew."""
        name = f"w{len(self.everyone) + 1}"
        worker = MemoryWorker(name, self.machine, self._step_of(name))
        worker.start()
        self.workers.append(worker)
        self.everyone.append(worker)
        await self.rebalance()
        return worker

    async def leave(self, worker: MemoryWorker) -> None:
        """Stop a worker in order."""
        await asyncio.wait([worker.run(worker.drain())])
        if worker in self.workers:  # it may be killed meanwhile
            worker.die()
            self.workers.remove(worker)
            await self.rebalance()

    async def rebalance(self) -> None:
        """Take all partitions from everybody and share them anew."""
        async with self._rebalancing:
            broker = self.machine.broker
            members = list(self.workers)
            await asyncio.gather(*(worker.run(worker.revoke()) for worker in members), return_exceptions=True)
            broker.generation += 1
            members = [worker for worker in members if worker in self.workers]
            partitions = self.machine.settings.kafka.partitions
            for number, worker in enumerate(members):
                own = [p for p in range(partitions) if p * len(members) // partitions == number]
                worker.assign([TP(topic.name, p) for topic in self._inputs for p in own], broker.generation)

    def expel(self, worker: MemoryWorker, event: Event) -> None:
        """Take a worker for dead that is not."""
        worker.cut_off += worker.under_way
        self.undead_since[worker.name] = self.machine.clock()
        self.workers.remove(worker)
        self._undead.append(worker)
        self.run(self._replace(event.down_seconds))
        self.run(self._bury(worker, event.undead_seconds))

    def kill(self, worker: MemoryWorker, event: Event) -> None:
        """End a worker between two instructions; somebody takes over after a while."""
        self.workers.remove(worker)
        if event.late_seconds is not None:
            worker.log.land_later(event.late_seconds)
        worker.die()
        self.run(self._replace(event.down_seconds))

    def run(self, work: Awaitable[Any]) -> None:
        """Run beside the workers."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def submit(self, value: bytes, key: str | None, partition: int | None = None) -> None:
        """Produce to the requests topic, to the key's partition unless another is named."""
        if partition is None:
            partition = home_partition(key or "", self.machine.settings.kafka.partitions)
        publication = Publication(value, None if key is None else key.encode())
        self.machine.broker.append(REQUESTS.name, partition, [publication])

    @property
    def cut_off(self) -> int:
        """How many calls were under way when their worker died or had to give up their partition."""
        return sum(worker.cut_off for worker in self.everyone)

    @property
    def _inputs(self) -> tuple[Topic, ...]:
        """What workers read under these settings."""
        return (*INPUTS, FEEDBACK) if self.machine.settings.semantic.enabled else INPUTS

    async def drained(self, seconds: float = 120.0) -> None:
        """Wait until every input is committed to its end and nobody is under way.

        Raises:
            StillWaiting: It is not, after this much virtual time.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        quiet = 0
        while quiet < 3:
            await asyncio.sleep(LOOK_SECONDS)
            lag = self.lag()
            busy = lag or self._tasks or any(worker.under_way for worker in self.workers)
            quiet = 0 if busy else quiet + 1
            if loop.time() > end:
                raise StillWaiting(f"lag {lag}, {[worker.failures for worker in self.workers]}")
        failures = [failure for worker in self.workers for failure in worker.failures]
        if failures:
            raise failures[0]

    def lag(self) -> dict[TP, int]:
        """Return what is not committed, by partition."""
        broker = self.machine.broker
        tps = (TP(topic.name, p) for topic in self._inputs for p in range(self.machine.settings.kafka.partitions))
        lags = {tp: broker.end(tp.topic, tp.partition) - broker.committed.get(tp, 0) for tp in tps}
        return {tp: lag for tp, lag in lags.items() if lag}

    async def _bury(self, worker: MemoryWorker, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await worker.run(worker.revoke())
        worker.die()
        self._undead.remove(worker)

    async def _replace(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.rebalance()
        await self.join()

    def _befall(self, worker: MemoryWorker, event: Event) -> None:
        if event.fate is Fate.KILLED:
            self.kill(worker, event)
        elif event.fate is Fate.UNDEAD:
            self.expel(worker, event)
        elif event.fate is Fate.LEAVING:
            self.run(self._succeed(worker))
        else:
            self.run(self.rebalance())

    async def _succeed(self, worker: MemoryWorker) -> None:
        await self.join()
        if worker in self.workers:
            await self.leave(worker)

    def _step_of(self, name: str) -> Callable[[str], Awaitable[None]]:
        async def step(what: str) -> None:
            del what
            self.operations += 1
            delay = self.delays[self.operations % len(self.delays)]
            event = next((event for event in self.events if event.operation == self.operations), None)
            alive = {worker.name: worker for worker in [*self.workers, *self._undead]}
            worker = alive.get(name)
            if worker in self.workers and event is not None:
                self._befall(worker, event)
            if worker not in self.workers and worker not in self._undead:
                await self._never.wait()  # a dead process hears of nothing any more
            if delay:
                await asyncio.sleep(delay)

        return step
