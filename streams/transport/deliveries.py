"""What was delivered of the partitions of one assignment, and how far each of them may be committed.

There is no broker in here: Faust's consumer feeds it, and so may anything else that delivers messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from faust.types import TP

from streams.transport.offsets import NO_MARKS, Checkpoint, Marks, OffsetTracker

NO_GENERATION = -1
"""Before the first assignment: the embedded broker counts generations from 0."""


class Custodian(Protocol):
    """Who keeps the state behind the partitions this worker owns."""

    async def gain(self, assigned: frozenset[TP], generation: int) -> Mapping[TP, Checkpoint]:
        """Rebuild the state of newly assigned partitions; return the checkpoints it was rebuilt from."""
        ...

    async def lose(self, revoked: frozenset[TP]) -> None:
        """Let work under way finish before the partitions may go to another worker."""
        ...

    def marks(self) -> Marks:
        """Return the output positions now."""
        ...

    async def save(self, checkpoints: Mapping[TP, Checkpoint]) -> None:
        """Make checkpoints durable; called before the same offsets are committed."""
        ...


class Deliveries:
    """The outstanding messages of all partitions of one assignment."""

    def __init__(self, custodian: Custodian) -> None:
        self._custodian = custodian
        self._trackers: dict[TP, OffsetTracker] = {}
        self._uncommitted: dict[TP, int] = {}
        self._positions: dict[TP, int] = {}
        self._marks: Marks = NO_MARKS
        self._generation = NO_GENERATION

    async def gain(
        self, assigned: Iterable[TP], generation: int, committed: Mapping[TP, int | None]
    ) -> dict[TP, int]:
        """Rebuild the state behind an assignment; return where to resume instead of what is committed.

        A checkpoint is written before its commit, so it may be further than that.
        """
        if generation == self._generation:
            return {}
        found = await self._custodian.gain(frozenset(assigned), generation)
        self.clear()
        self._generation = generation
        self._inherited = found
        self._marks = self._custodian.marks()
        resume = {tp: point.offset for tp, point in found.items() if point.offset > (committed.get(tp) or 0)}
        self._uncommitted.update(resume)
        return resume

    def deliver(self, tp: TP, next_offset: int, end: int) -> None:
        """Note a message at the moment of its delivery.

        Args:
            tp: The partition it lies in.
            next_offset: Offset after its last record.
            end: Of the partition, as far as known now.
        """
        tracker = self._trackers.get(tp)
        if tracker is None:
            inherited = self._inherited.get(tp)
            tracker = self._trackers[tp] = OffsetTracker(NO_MARKS if inherited is None else inherited.marks, end)
        tracker.deliver(next_offset, self._marks)
        self._positions[tp] = next_offset

    def resume(self, positions: Mapping[TP, int | None]) -> None:
        """Note where each partition of a new assignment is read from; None means from its beginning."""
        self._positions = {tp: offset or 0 for tp, offset in positions.items()}

    def position(self, tp: TP) -> int:
        """Return the offset of the next record to deliver."""
        return self._positions.get(tp, 0)

    def settle(self, tp: TP, next_offset: int, generation: int | None) -> None:
        """Note that every outcome of a message is durable; one of an earlier assignment no longer counts."""
        tracker = self._trackers.get(tp)
        if tracker is not None and generation == self._generation:
            tracker.settle(next_offset)

    async def checkpoint(self) -> dict[TP, int]:
        """Make durable what has moved since the last time; return all offsets that wait for their commit."""
        # Marks may be older than need be: what is delivered until the next time shares these, since thousands of
        # messages may be outstanding behind one slow call.
        marks = self._marks = self._custodian.marks()
        moved = {tp: point for tp, tracker in self._trackers.items() if (point := tracker.advance(marks))}
        if moved:
            await self._custodian.save(moved)
            self._uncommitted.update({tp: point.offset for tp, point in moved.items()})
        return dict(self._uncommitted)

    def committed(self, offsets: Mapping[TP, int]) -> None:
        """Note that these offsets are committed."""
        for tp, offset in offsets.items():
            if self._uncommitted.get(tp) == offset:
                del self._uncommitted[tp]

    def clear(self) -> None:
        """Forget everything: the partitions go. Nothing may be delivered before the next ones are gained."""
        self._trackers.clear()
        self._uncommitted.clear()
        self._generation = NO_GENERATION

    def has_gained(self, generation: int) -> bool:
        """Return whether the state behind this assignment stands, so that its messages may be delivered.

        Faust may let them flow too early: when a rebalance comes while the last one is still being recovered from.
        """
        return generation == self._generation


def partitions_of(tps: Iterable[TP], topic: str) -> frozenset[int]:
    """Return the partition numbers of one topic."""
    return frozenset(tp.partition for tp in tps if tp.topic == topic)
