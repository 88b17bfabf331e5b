"""An analyst beside the test, and a clock that says what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.analytics.live.analyst import Analyst
from schemas.settings import Settings
from tests.integration.analytics.history import MINUTE


class Clock:
    """Says what the test wants."""

    def __init__(self, minute: int) -> None:
        self.minute = minute

    def __call__(self) -> float:
        """Half a minute after the present one has begun."""
        return (self.minute + 0.5) * MINUTE


@asynccontextmanager
async def judging(settings: Settings, clock: Clock) -> AsyncIterator[Analyst]:
    """Run an analyst in this loop; stop it gently at the end."""
    stop = asyncio.Event()
    analyst = Analyst(settings, clock)
    task = asyncio.create_task(analyst.run(stop))
    try:
        yield analyst
        assert not task.done(), "the analyst ended by itself"
    finally:
        stop.set()
        await task
