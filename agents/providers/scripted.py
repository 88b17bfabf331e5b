"""A provider for tests that does what it is told, call by call, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from agents.providers.protocol import Prompt, Reply
from schemas.wire import Answer, Tokens

ANSWER = Reply(Answer("scripted", None, "stop"), Tokens(10, 0, 5))

Line = Reply | Exception | Awaitable[Reply]
"""One call's outcome: answered at once, raised at once, or open: a future that the test resolves, or a coroutine."""


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

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply | Awaitable[Reply]:
        """Play the next line."""
        self.asked.append((prompt.id, model, attempt))
        line = next(self._lines, ANSWER)
        if isinstance(line, Exception):
            raise line
        return line

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
