"""The batch lane of a worker: takes calls into custody, leads their jobs, and hands back what must be called."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.providers.batches.book import Item, Job
from agents.providers.batches.completions import called_instead
from agents.providers.batches.errands import Publish, Runner
from agents.providers.batches.identity import item_id
from agents.providers.batches.interface import BatchInterface
from agents.providers.batches.packing import Limits
from agents.providers.batches.plan import Errand, plan
from agents.providers.batches.shard import Shard
from schemas.batch import Call, Completion
from schemas.jobs import AnyFact, ItemsAnswered, ItemsMoved, ItemsTaken
from schemas.result import Lane
from schemas.settings import Settings
from streams.background import Background
from streams.log import Log
from streams.sealing.codec import ContentCodec, NoKeys
from streams.sealing.patience import Patience
from streams.stage import Receipt
from streams.topics import COMPLETIONS, JOBS

logger = logging.getLogger(__name__)

PLAN_SECONDS = 1.0
"""Between two looks at what is due in a shard."""

CallInstead = Callable[[Call, Receipt, str | None], None]
"""Calls a request at once: call, receipt, and the batch that was given up for it, if one was."""


@dataclass(slots=True)
class _Answered:
    """Notes that an item which left the lane has its durable completion."""

    shard: Shard
    item: str

    def settle(self) -> None:
        """Note it; it is written down with the next decisions."""
        self.shard.called.discard(self.item)
        self.shard.answered.append(self.item)


class BatchLane:
    """The batch lane of this worker.

    Args:
        interfaces: By provider.
        background: Work under way.
        clock: Returns Unix seconds.
        publish: Makes completions durable.
        call_instead: Calls a request at once.
        codec: Seals and opens the calls in custody.
        patience: Waits for data keys that are out of reach.
    """

    def __init__(
        self,
        settings: Settings,
        log: Log,
        interfaces: Mapping[str, BatchInterface],
        background: Background,
        clock: Callable[[], float],
        publish: Publish,
        call_instead: CallInstead,
        codec: ContentCodec = ContentCodec(),  # noqa: B008 - it holds nothing
        patience: Patience | None = None,
    ) -> None:
        self._codec = codec
        self._patience = patience or Patience(NoKeys())
        self._settings = settings
        self._batches = settings.batches
        self._log = log
        self._interfaces = interfaces
        self._background = background
        self._clock = clock
        self._call_instead = call_instead
        self._shards: dict[int, Shard] = {}
        self._charged: set[str] = set()
        self._errands: set[asyncio.Task[Any]] = set()
        self._open = False
        self._limits = {
            name: Limits(
                min(one.limits.items, self._batches.job_items), min(one.limits.bytes, self._batches.job_bytes)
            )
            for name, one in interfaces.items()
        }
        self._runner = Runner(interfaces, self._batches, publish, self._completion_positions, self._charged, clock)

    def takes(self, shard: int, call: Call) -> bool:
        """Return whether the lane takes this call: its provider has batches, it has a deadline, and there is room."""
        if call.passenger.lane is not Lane.BATCH or call.deadline is None or shard not in self._shards:
            return False
        room = sum(len(one.book) for one in self._shards.values()) < self._batches.open_items
        return room and call.targets[0].provider in self._limits

    def holds(self, shard: int, call: Call) -> bool:
        """Return whether the request is in the lane's custody already."""
        held = self._shards.get(shard)
        return held is not None and item_id(call.passenger) in held.book.items

    async def take(self, shard: int, calls: Sequence[tuple[Call, Receipt]]) -> None:
        """Take calls into custody; their receipts are settled once that is durable."""
        await self._shards[shard].write([ItemsTaken([call for call, _ in calls])], anyway=True)
        for _, receipt in calls:
            receipt.settle()

    def tick(self) -> None:
        """Start what is due, for all shards; call it several times a second."""
        if not self._open:
            return
        now = self._clock()
        for shard in self._shards.values():
            if now < shard.plan_at or shard.deciding:
                continue
            shard.plan_at = now + PLAN_SECONDS
            if shard.in_charge:
                self._advance(shard, now)
            elif shard.lost_at is None:
                shard.lost_at = now
            elif now >= shard.lost_at + self._batches.settle_seconds:
                shard.deciding = True
                self._background.start(self._take_back(shard))

    async def take_over(self, starts: Mapping[int, int]) -> dict[int, int]:
        """Take charge of these shards and learn what is open there.

        Args:
            starts: By shard, the offset of the oldest fact that may be open.

        Returns:
            By partition of the completions topic, from where it must be read (see `heard`) before the lane starts.
        """
        shards = {
            number: Shard(
                number, self._log, self._clock, self._settings.kafka.batch_bytes, self._codec, self._patience
            )
            for number in starts
        }
        await asyncio.gather(*(shard.take() for shard in shards.values()))
        async for records in self._log.read({(JOBS.name, number): start for number, start in starts.items()}):
            shards[records[-1].partition].read(records)
        for shard in shards.values():
            self._let_settle(shard)
        self._charged.clear()
        self._shards = shards
        homes = range(self._settings.kafka.partitions)
        known = [positions for shard in shards.values() for positions in shard.book.positions()]
        return {home: min(positions.get(home, 0) for positions in known) for home in homes} if known else {}

    def heard(self, completion: Completion) -> None:
        """Learn of a durable completion, which may be of an item that is open."""
        self._charged.update(call.id for call in completion.paid if call.batch)
        name = item_id(completion.passenger)
        for shard in self._shards.values():
            if name in shard.book.items:
                shard.answered.append(name)

    def start(self) -> None:
        """Begin to work; calls that a predecessor was making are made again."""
        self._open = True
        for shard in self._shards.values():
            self._call_moved(shard)

    async def stop(self) -> None:
        """Leave everything as it is, for whoever is in charge next."""
        self._open = False
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    def forget(self) -> None:
        """Hold nothing: others are in charge of all shards."""
        self._shards = {}
        self._charged.clear()

    async def close(self) -> None:
        """Release the connections."""
        await asyncio.gather(*(interface.close() for interface in self._interfaces.values()))

    def hold_back(self, shard: int) -> int | None:
        """Return the offset of the oldest fact of a shard that a successor must read; None when nothing is open."""
        held = self._shards.get(shard)
        return None if held is None else held.book.first_place

    def _advance(self, shard: Shard, now: float) -> None:
        due = plan(shard.book, shard.memory, self._limits, self._batches, now)
        if due.intend or due.move or shard.answered:
            facts: list[AnyFact] = list(due.intend)
            if shard.answered:
                facts.append(ItemsAnswered(shard.answered))
                shard.answered = []
            if due.move:
                facts.append(ItemsMoved([item.id for item in due.move], self._completion_positions()))
            shard.deciding = True
            self._background.start(self._decide(shard, facts, due.move))
        for key, errand in due.errands.items():
            if key not in shard.busy:
                self._send(shard, shard.book.jobs[key], errand)

    async def _decide(self, shard: Shard, facts: list[AnyFact], moved: list[Item]) -> None:
        try:
            if await shard.write(facts):
                for item in moved:
                    if item.moved and not item.answered:
                        self._call(shard, item)
        finally:
            shard.deciding = False

    async def _take_back(self, shard: Shard) -> None:
        try:
            await shard.take_back()
            self._let_settle(shard)
            self._call_moved(shard)
        finally:
            shard.deciding = False

    def _let_settle(self, shard: Shard) -> None:
        """Leave alone for a while what somebody may be submitting at this very moment."""
        settled = self._clock() + self._batches.settle_seconds
        for job in shard.book.jobs.values():
            if job.attempted and job.batch is None:
                shard.memory.look_at[job.key] = settled

    def _call_moved(self, shard: Shard) -> None:
        """Call what another writer has moved and, as far as is known, has not had answered."""
        known = {*shard.answered, *shard.called}
        for item in list(shard.book.items.values()):
            if item.moved and not item.answered and item.id not in known:
                self._call(shard, item)

    def _send(self, shard: Shard, job: Job, errand: Errand) -> None:
        async def run() -> None:
            try:
                await self._runner.run(shard, job, errand)
            finally:
                shard.busy.discard(job.key)

        shard.busy.add(job.key)
        task = self._background.start(run())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def _call(self, shard: Shard, item: Item) -> None:
        if not self._open:
            return
        shard.called.add(item.id)
        job = None if item.job is None else shard.book.jobs[item.job]
        batch = None if job is None else job.batch
        logger.debug("a request leaves the batch lane", extra={"request_id": item.call.passenger.id})
        self._call_instead(called_instead(item, self._clock()), _Answered(shard, item.id), batch)

    def _completion_positions(self) -> dict[int, int]:
        return {home: at for (topic, home), at in self._log.positions().items() if topic == COMPLETIONS.name}
