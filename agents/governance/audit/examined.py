"""What an examination of a chain is given, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from agents.governance.audit.chain import link


class Seen(NamedTuple):
    """A record as it is there now; `at` is its time on the log in Unix seconds."""

    offset: int
    digest: bytes
    id: str
    at: float


class Attested(NamedTuple):
    """A head that somebody vouches for: a signed checkpoint, or the chain of the next log.

    Attributes:
        by: Who, in words.
        at: When, in Unix seconds.
    """

    sequence: int
    head: str
    by: str
    at: float


class Expected(NamedTuple):
    """A record as it was sealed; `sealed_at` in Unix seconds."""

    offset: int
    digest: bytes
    sequence: int
    sealed_at: float


@dataclass(slots=True)
class Tally:
    """What was looked at.

    Attributes:
        records: Records there.
        sealed: Records in the chain.
        links: Events of links.
        attested: Heads compared with what somebody vouches for.
        pending: Records too new to be sealed, or sealed too recently to be there.
        unchained: Records from before the chain began, or before what was asked for.
    """

    records: int = 0
    sealed: int = 0
    links: int = 0
    attested: int = 0
    pending: int = 0
    unchained: int = 0


@dataclass(slots=True)
class Gap:
    """Records whose links are missing: that they are all there shows where the chain goes on.

    Attributes:
        before: Offset after the last record before the gap.
        after: Offset of the first record after it.
        head: The head before the gap; it moves on with each record.
        target: The head with which the chain goes on.
    """

    before: int
    after: int
    head: bytes
    target: bytes

    def take(self, seen: Seen) -> None:
        """Append a record that is there."""
        self.head = link(self.head, seen.offset, seen.digest)

    @property
    def intact(self) -> bool:
        """Whether the records taken in lead to where the chain goes on."""
        return self.head == self.target
