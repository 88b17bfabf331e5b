"""The lines under way: a bounded stretch of the input, written out in order as its front is answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from streams.submission.outcome import Outcome

Key = tuple[str | None, str]
"""Tenant and id: an id is unique per tenant."""


@dataclass(slots=True)
class Entry:
    """One line under way.

    Attributes:
        number: Line number.
        tenant: Empty when the line was refused here.
        end: Byte offset of the next line.
        content: Hash of the request, to tell a repeated line from another under the same id.
        body: The request as sent, kept for sending it again; empty once there is a row.
        row: The line of the output, once there is one.
        place: Partition and offset of the result the row came from; None when the line was refused here.
        twins: Later lines with the same id and content: the same result answers them.
    """

    id: str
    number: int
    end: int
    tenant: str
    content: int = 0
    body: bytes = b""
    custom_id: str | None = None
    outcome: Outcome | None = None
    row: bytes | None = None
    place: tuple[int, int] | None = None
    twins: list[Entry] | None = None


class Window:
    """Holds at most so many lines, and takes no more while requests and waiting rows are too big together.

    Args:
        lines: Most lines under way.
        held_bytes: Beyond this no line is added, except into an empty window.
    """

    def __init__(self, lines: int, held_bytes: int) -> None:
        self._lines = lines
        self._held_bytes = held_bytes
        self._entries: deque[Entry] = deque()
        self._first_of: dict[Key, Entry] = {}
        self._held = 0
        self.unanswered = 0
        """How many requests wait for their result, repeated lines not counted."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def room(self) -> int:
        """How many more lines may be added now."""
        if self._held >= self._held_bytes and self._entries:
            return 0
        return self._lines - len(self._entries)

    def get(self, tenant: str | None, request_id: str) -> Entry | None:
        """Return the first entry of this tenant and id under way, answered or not."""
        return self._first_of.get((tenant, request_id))

    def waiting(self) -> list[Entry]:
        """Return what waits for a result, in the order of the input, repeated lines left out."""
        return [entry for entry in self._first_of.values() if entry.row is None]

    def add(self, entry: Entry) -> None:
        """Take in the next line, whose id no other line under way has unless it has its row already."""
        self._entries.append(entry)
        self._first_of.setdefault((entry.tenant, entry.id), entry)
        if entry.row is None:
            self.unanswered += 1
            self._held += len(entry.body)
        else:
            self._held += len(entry.row)

    def add_twin(self, entry: Entry, first: Entry) -> None:
        """Take in a line that the result of an earlier one under way answers too."""
        self._entries.append(entry)
        entry.body = b""
        if first.row is None:
            first.twins = [*(first.twins or ()), entry]
        else:
            self._finish(entry, first)

    def answer(self, entry: Entry, row: bytes, outcome: Outcome, place: tuple[int, int]) -> None:
        """Give a waiting entry, and its twins, the row that will be written."""
        self.unanswered -= 1
        self._held += len(row) - len(entry.body)
        entry.row, entry.outcome, entry.place, entry.body = row, outcome, place, b""
        if entry.twins is not None:
            for twin in entry.twins:
                self._finish(twin, entry)
            entry.twins = None

    def answered_front(self) -> list[Entry]:
        """Return the entries at the front that have their row: what may be written now."""
        return list(takewhile(_has_row, self._entries))

    def drop_front(self, count: int) -> None:
        """Forget that many entries at the front, since their rows are written."""
        for _ in range(count):
            entry = self._entries.popleft()
            self._held -= len(entry.row or b"")
            key = (entry.tenant, entry.id)
            if self._first_of.get(key) is entry:
                del self._first_of[key]

    def low_water(self, positions: Mapping[int, int]) -> dict[int, int]:
        """Return where reading must go on, by partition, so that the results of rows still held are found again.

        Args:
            positions: The next offset to read, by partition.
        """
        lowest = dict(positions)
        for entry in self._entries:
            if entry.place is not None:
                partition, offset = entry.place
                lowest[partition] = min(lowest.get(partition, offset), offset)
        return lowest

    def _finish(self, twin: Entry, first: Entry) -> None:
        twin.row, twin.outcome, twin.place = first.row, first.outcome, first.place
        self._held += len(first.row or b"")


def _has_row(entry: Entry) -> bool:
    return entry.row is not None
