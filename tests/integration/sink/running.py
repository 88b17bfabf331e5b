"""Running sinks: beside the test in its own loop, or as a process that can be killed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from schemas.settings import Settings
from streams.sink import Sink

PATIENCE_SECONDS = 120.0


async def eventually(condition: Callable[[], Awaitable[object]], what: str = "") -> None:
    """Return once the condition holds; fail when it does not within the time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_SECONDS
    while not await condition():
        assert loop.time() < deadline, f"not true in time: {what or condition}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Sink]:
    """Run a sink in this loop; stop it gently at the end."""
    stop = asyncio.Event()
    sink = Sink(settings)
    task = asyncio.create_task(sink.run(stop))
    try:
        yield sink
        assert not task.done(), "the sink ended by itself"
    finally:
        stop.set()
        await task


async def sink_process(settings: Settings, stderr: int = asyncio.subprocess.DEVNULL) -> asyncio.subprocess.Process:
    """Start a sink as a process of its own."""
    sections = {"kafka": settings.kafka, "clickhouse": settings.clickhouse, "worker": settings.worker}
    variables = {
        f"ASAHI_{name}_{key}".upper(): str(value)
        for name, section in sections.items()
        for key, value in section.model_dump(mode="json").items()
        if key != "password"
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streams.sink", env=os.environ | variables, stderr=stderr
    )
