"""Tasks that run beside an agent: counted, awaited at hand-over, and never failing in silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

logger = logging.getLogger(__name__)


class Background:
    """A set of tasks; the first unexpected failure is handed to `fatal`.

    A failed delivery means that a decision is not durable and its message must come again. The honest way there is
    to stop the worker: its successor resumes from the last checkpoint.
    """

    def __init__(self, fatal: Callable[[BaseException], object]) -> None:
        self._fatal = fatal
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run beside."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            logger.critical("a background task failed", exc_info=failure)
            self._fatal(failure)

    async def settled(self) -> None:
        """Wait until nothing runs."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))
