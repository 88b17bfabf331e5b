"""What a statement is: enough of it to run it, stream its result and find the rows that follow it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How a statement travels through the engine."""

    READ = "read"
    INSERT = "insert"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, taken apart.

    Attributes:
        kind: READ has a result to stream, INSERT has rows following it, COMMAND is everything else.
        text: The statement without FORMAT clause, inserted rows and closing semicolon.
        tail: What followed the FORMAT clause of a read (a SETTINGS clause), or the rows of an insert so far.
        format: The name in its FORMAT clause, or None.
        touches_session: It changes the session it runs in: SET, USE, a temporary table.
        input_call: Where `input(` stands in an INSERT ... SELECT that reads the rows that follow it.
        streams: The engine can hand out its result block by block; SHOW and the like come whole.
    """

    kind: Kind
    text: bytes
    tail: bytes = b""
    format: str | None = None
    touches_session: bool = False
    streams: bool = False
    input_call: tuple[int, int] | None = None

    @property
    def changes_database(self) -> bool:
        """Whether it is a USE statement."""
        return self.touches_session and self.text.lstrip()[:3].upper() == b"USE"
