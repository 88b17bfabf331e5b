"""Doing something again and again beside the main work: one process of all does it, and not all the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_SECONDS = 1.0


async def regularly(
    work: Callable[[], Awaitable[object]],
    seconds: float,
    responsible: Callable[[], bool],
    stop: asyncio.Event,
    *,
    rest: float,
    first_after: float = 0.0,
) -> None:
    """Do something whenever it is due and this process is the one, until told to stop.

    Args:
        work: Does it once; handles what may go wrong.
        seconds: From the end of one time to the next, at least.
        responsible: Whether this process is the one, now.
        stop: Ends it.
        rest: After it was done nothing is done for so many times as long.
        first_after: Seconds before the first time.
    """
    due = time.monotonic() + first_after
    while not stop.is_set():
        if responsible() and time.monotonic() >= due:
            began = time.monotonic()
            await work()
            ended = time.monotonic()
            due = ended + max(seconds, rest * (ended - began))
        try:
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
        except TimeoutError:
            continue
