"""What a broker holds: the partitions, the committed offsets, and who owns what in which generation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from faust.types import TP

from streams.envelope import Publication
from streams.records import Record

Place = tuple[str, int]


class MemoryBroker:
    """A durable log for one consumer group, on the running event loop.

    Attributes:
        committed: Offsets of the group.
        generation: Of the group; a commit from an earlier one is refused.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._partitions: dict[Place, list[Record]] = {}
        self._begins: dict[Place, int] = {}
        self._listeners: set[asyncio.Event] = set()
        self.committed: dict[TP, int] = {}
        self.generation = 0

    def append(self, topic: str, partition: int, publications: Iterable[Publication]) -> int:
        """Append in order; return the first one's offset."""
        records = self._partitions.setdefault((topic, partition), [])
        first = self._begins.get((topic, partition), 0) + len(records)
        for offset, one in enumerate(publications, first):
            headers = tuple(one.headers)
            records.append(Record(topic, partition, offset, one.key, one.value, headers, self._clock()))
        for listener in self._listeners:
            listener.set()
        return first

    def begin(self, topic: str, partition: int) -> int:
        """Return the oldest offset that is still there."""
        return self._begins.get((topic, partition), 0)

    def end(self, topic: str, partition: int) -> int:
        """Return the offset of the next record."""
        return self.begin(topic, partition) + len(self._partitions.get((topic, partition), ()))

    def stretch(self, topic: str, partition: int, start: int, end: int) -> Sequence[Record]:
        """Return the records from `start` up to `end`, as far as they are there."""
        begin = self.begin(topic, partition)
        return self._partitions.get((topic, partition), [])[max(0, start - begin) : max(0, end - begin)]

    def forget(self, topic: str, partition: int, before: int) -> None:
        """Drop what retention drops."""
        records = self._partitions[topic, partition]
        kept = [record for record in records if record.offset >= before]
        self._begins[topic, partition] = before
        self._partitions[topic, partition] = kept

    def topic(self, name: str) -> list[Record]:
        """Return all records of a topic, partition by partition."""
        places = sorted(place for place in self._partitions if place[0] == name)
        return [record for place in places for record in self._partitions[place]]

    def commit(self, offsets: Mapping[TP, int], generation: int) -> bool:
        """Take a commit, unless it comes from a member of an earlier generation."""
        if generation != self.generation:
            return False
        self.committed.update(offsets)
        return True

    def listen(self, listener: asyncio.Event) -> None:
        """Set this event whenever something is appended."""
        self._listeners.add(listener)

    def ignore(self, listener: asyncio.Event) -> None:
        """Stop setting it."""
        self._listeners.discard(listener)
