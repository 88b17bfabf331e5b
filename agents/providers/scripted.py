"""A provider for tests that does what it is told, call by call, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from agents.providers.protocol import Prompt, Reply
from schemas.wire import Answer, Tokens

ANSWER = Reply(Answer("scripted", None, "stop"), Tokens(10, 0, 5))

Line = Reply | BaseException | asyncio.Future[Reply]
"""One call's outcome: answered at once, raised at once, or open until the test decides."""


class Scripted:
    """Plays its lines in order, one per call, then answers well.

    Args:
        lines: What the first calls get.

    Attributes:
        asked: Request id, model and attempt of every call, in order.
    """

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._lines = iter(lines)
        self.asked: list[tuple[str, str, int]] = []
        self.closed = False

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply | asyncio.Future[Reply]:
        """Play the next line."""
        self.asked.append((prompt.id, model, attempt))
        line = next(self._lines, ANSWER)
        if isinstance(line, BaseException):
            raise line
        return line

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
