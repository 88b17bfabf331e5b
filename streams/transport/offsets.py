"""How far a partition may be committed: the contiguous low-water mark, with what it takes to resume there.

Messages of a partition are delivered in order and settled in any order. Only the prefix that is settled without a
gap may be committed; Faust's own bookkeeping can step over a gap (its issue 606). Beside the offset a checkpoint
holds *marks*: for each output partition, a position such that every output of the messages from that offset on lies
behind it. After a crash the stage reads its outputs from the marks and knows which of the redelivered messages it
has already answered.

What is redelivered may have been answered in part by a predecessor, at positions that its successor has long passed
when it delivers the message. So everything up to the end of the partition as it was when it was taken over keeps the
marks that it was taken over with: a second crash then reads as far back as the first one did.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Marks = Mapping[tuple[str, int], int]
"""Position by (topic, partition)."""


def kept(marks: Marks, places: Iterable[tuple[str, int]]) -> Marks:
    """Return the marks of these places; one that is missing stays missing and means the start."""
    return {place: marks[place] for place in places if place in marks}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything before `offset` is settled; outputs of what follows lie behind `marks`."""

    offset: int
    marks: Marks


@dataclass(slots=True)
class _Outstanding:
    next_offset: int
    marks: Marks
    settled: bool = False


NO_MARKS: Marks = {}
"""From the start of every output."""


class OffsetTracker:
    """The outstanding messages of one partition, in order.

    Args:
        inherited: Marks of the checkpoint that the partition was taken over with.
        inherited_until: Offset up to which messages may come again.
    """

    def __init__(self, inherited: Marks = NO_MARKS, inherited_until: int = 0) -> None:
        self._inherited = inherited
        self._inherited_until = inherited_until
        self._delivered = 0
        self._queue: deque[_Outstanding] = deque()
        self._by_offset: dict[int, _Outstanding] = {}
        self._reached: int | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def deliver(self, next_offset: int, marks: Marks) -> None:
        """Note a delivered message.

        Args:
            next_offset: Offset after the message's last record.
            marks: Output positions at the time of delivery.
        """
        entry = _Outstanding(next_offset, self._inherited if self._delivered < self._inherited_until else marks)
        self._delivered = next_offset
        self._queue.append(entry)
        self._by_offset[next_offset] = entry

    def settle(self, next_offset: int) -> None:
        """Note that all outcomes of the message that ends before `next_offset` are durable."""
        entry = self._by_offset.pop(next_offset, None)
        if entry is not None:
            entry.settled = True

    def advance(self, marks: Marks) -> Checkpoint | None:
        """Return the furthest checkpoint, or None when it has not moved since the last call.

        Args:
            marks: Output positions now; they hold when nothing is outstanding.
        """
        moved = False
        while self._queue and self._queue[0].settled:
            self._reached = self._queue.popleft().next_offset
            moved = True
        if not moved or self._reached is None:
            return None
        if self._queue:
            return Checkpoint(self._reached, self._queue[0].marks)
        return Checkpoint(self._reached, self._inherited if self._reached < self._inherited_until else marks)
