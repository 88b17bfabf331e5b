"""One process's log: it takes time, may be cut off at any moment, and then nobody hears of it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from streams.envelope import Publication
from streams.records import Record
from streams.transport.offsets import Marks
from tests.memory.broker import MemoryBroker, Place

LOG_ID = "memory"
BATCH_RECORDS = 3
"""A publication of more is durable piece by piece, as large ones are on a broker."""

Step = Callable[[str], Awaitable[None]]
"""Told what happens next; may wait, and never returns to a process that dies there."""


async def at_once(what: str) -> None:
    """Let everything happen without delay."""
    del what


@dataclass(eq=False, slots=True)
class Batch:
    """What is on its way to the broker."""

    topic: str
    partition: int
    publications: Sequence[Publication] = field(repr=False)


class MemoryLog:
    """A `streams.log.Log` on a `MemoryBroker`.

    Args:
        broker: Shared with the other processes.
        step: Called before a batch lands, before its sender hears of it, and before every read.

    Attributes:
        on_the_way: What has been sent and has not landed.
    """

    def __init__(self, broker: MemoryBroker, step: Step = at_once) -> None:
        self._broker = broker
        self._step = step
        self._positions: dict[Place, int] = {}
        self.on_the_way: set[Batch] = set()

    async def publish(self, topic: str, partition: int, publications: Sequence[Publication]) -> list[int]:
        """Publish in order to one partition; return the offset of each once all are durable."""
        offsets: list[int] = []
        for start in range(0, len(publications), BATCH_RECORDS):
            batch = Batch(topic, partition, publications[start : start + BATCH_RECORDS])
            self.on_the_way.add(batch)
            await self._step(f"send to {topic}")
            self.on_the_way.remove(batch)
            first = self._broker.append(topic, partition, batch.publications)
            await self._step(f"hear from {topic}")
            offsets.extend(range(first, first + len(batch.publications)))
            self.learn({(topic, partition): offsets[-1] + 1})
        return offsets

    async def read(
        self, starts: Mapping[tuple[str, int], int], *, newest: int | None = None
    ) -> AsyncGenerator[list[Record], None]:
        """Yield the records from `starts` to the present end; at least the `newest` of each partition if given."""
        ends = {place: self._broker.end(*place) for place in starts}
        for place, start in starts.items():
            await self._step(f"read {place[0]}")
            first = start if newest is None else min(start, ends[place] - newest)
            if found := list(self._broker.stretch(*place, first, ends[place])):
                yield found

    async def fetch(self, topic: str, partition: int, offsets: Sequence[int]) -> list[Record | None]:
        """Return the records at these offsets, each None when the log no longer holds it."""
        await self._step(f"fetch from {topic}")
        return [next(iter(self._broker.stretch(topic, partition, offset, offset + 1)), None) for offset in offsets]

    async def identity(self) -> str:
        """Return the id of this log."""
        return LOG_ID

    def positions(self) -> Marks:
        """Return the next position by (topic, partition), as far as this process has written or learnt."""
        return dict(self._positions)

    def learn(self, marks: Marks) -> None:
        """Take over positions known from elsewhere; they never go back."""
        for place, offset in marks.items():
            self._positions[place] = max(offset, self._positions.get(place, 0))

    def land_later(self, seconds: float) -> None:
        """Let what is on its way land in spite of its sender's death."""
        loop = asyncio.get_running_loop()
        for batch in self.on_the_way:
            loop.call_later(seconds, self._broker.append, batch.topic, batch.partition, batch.publications)
