"""Taking over partitions and giving them up: after a crash, at a rebalance and at a start it is the same road.

A worker never carries state from one assignment into the next: whoever gains a partition reads its checkpoint, then
the tails of its output topics, and knows what has been answered. So the road that a crash takes is walked at every
start, not only on bad days.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from faust.types import TP

from streams.checkpoints import CheckpointLog
from streams.log import Log
from streams.transport.deliveries import partitions_of
from streams.transport.offsets import NO_MARKS, Checkpoint, Marks

logger = logging.getLogger(__name__)

NOTHING_SETTLED = Checkpoint(0, NO_MARKS)
"""Says no more than a missing checkpoint does, but that somebody has had the partition."""


class Owner(Protocol):
    """A stage that keeps state per partition of its topics."""

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics whose equal partition numbers it owns together."""
        ...

    async def take_over(self, partitions: frozenset[int], checkpoints: Mapping[tuple[str, int], Checkpoint]) -> None:
        """Rebuild the state of these partitions from the log; checkpoints are by (topic, partition)."""
        ...

    async def let_go(self) -> None:
        """Finish what is being published and forget all partitions."""
        ...

    def refine(self, topic: str, partition: int, marks: Marks) -> Marks:
        """Return the marks its recovery reads from for this input, moved back where it needs older outputs."""
        ...


class Custody:
    """The custodian of all partitions of a worker."""

    def __init__(self, log: Log, checkpoints: CheckpointLog, owners: Sequence[Owner]) -> None:
        self._log = log
        self._checkpoints = checkpoints
        self._owners = owners
        self._handing_over = asyncio.Lock()

    async def gain(self, assigned: frozenset[TP], generation: int) -> Mapping[TP, Checkpoint]:
        """Rebuild the state behind the assigned partitions and return the checkpoints it was rebuilt from.

        A partition that nobody has had gets its first checkpoint before anything of it is delivered: whoever finds
        none knows that there was no predecessor.
        """
        async with self._handing_over:
            found = await self._checkpoints.load(assigned)
            by_place = {(tp.topic, tp.partition): point for tp, point in found.items()}
            for point in found.values():
                self._log.learn(point.marks)
            for owner in self._owners:
                partitions = frozenset[int]().union(*(partitions_of(assigned, topic) for topic in owner.topics))
                await owner.take_over(partitions, by_place)
            if fresh := {tp: NOTHING_SETTLED for tp in assigned if tp not in found}:
                await self._checkpoints.save(fresh)
        logger.info("partitions gained", extra={"partitions": len(assigned), "generation": generation})
        return found

    async def lose(self, revoked: frozenset[TP]) -> None:
        """Finish what is under way; the state is rebuilt by whoever gains the partitions.

        A rebalance may come while the state is still being rebuilt after the last one; that ends first.
        """
        async with self._handing_over:
            await asyncio.gather(*(owner.let_go() for owner in self._owners))
        logger.info("partitions given up", extra={"partitions": len(revoked)})

    def marks(self) -> Marks:
        """Return the output positions now."""
        return self._log.positions()

    async def save(self, checkpoints: Mapping[TP, Checkpoint]) -> None:
        """Make checkpoints durable, with the marks each stage needs."""
        refined = {tp: Checkpoint(point.offset, self._refined(tp, point.marks)) for tp, point in checkpoints.items()}
        await self._checkpoints.save(refined)

    def _refined(self, tp: TP, marks: Marks) -> Marks:
        for owner in self._owners:
            if tp.topic in owner.topics:
                marks = owner.refine(tp.topic, tp.partition, marks)
        return marks
