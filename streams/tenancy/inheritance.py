"""Which requests of a partition a predecessor may have let in, so that limits count them and do not refuse them.

A predecessor reads a partition in order. What it let in and dispatched, or ended, is known from the log; the rest
comes again, and nothing says how far it had read: a checkpoint tells what is settled, not what is held. But that has
two bounds. It cannot have read beyond the end of the log; and it stops reading when it holds so many requests without
a durable outcome as `worker.max_outstanding` says. So of the requests that come again and are not known, in their
order, it has let in so many at most, and what its last delivery had beyond them.

What was restored from an archive is not bounded in number: what one log let in over days comes at once. Anybody can
write the header that says so, which therefore counts only for what lay on the log at the take-over.
"""

from __future__ import annotations

from streams.envelope import RESTORED_HEADER, header
from streams.records import Record


class Inheritance:
    """What of one partition may have been let in before it was taken over.

    Args:
        end: Offset behind the last message at the take-over; with 0 everything is news.
        requests: Most that a predecessor held, but for the last delivery; with 0 there was none.
        messages: Most in a delivery.
    """

    __slots__ = ("_end", "_furthest", "_held_until", "_left", "_messages")

    def __init__(self, end: int = 0, requests: int = 0, messages: int = 0) -> None:
        self._end = end
        self._held_until = end if requests else 0
        self._furthest = 0
        self._left = requests
        self._messages = messages

    def claim(self, record: Record) -> bool:
        """Return whether a request that is not known may have been let in; each of a message is asked about once."""
        if record.offset >= self._end:
            return False
        if header(record.headers, RESTORED_HEADER) is not None:
            return True
        if record.offset >= self._held_until:
            return False
        self._left -= 1
        if record.offset > self._furthest:  # not always: what waits for a data key is asked about late
            self._furthest = record.offset
        if self._left == 0:  # the last delivery began here at the latest
            self._held_until = min(self._held_until, self._furthest + self._messages)
        return True
