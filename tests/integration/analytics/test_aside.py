"""The process beside the analyst: begun and ended as needed, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest

from agents.analytics.live.aside import Aside
from tests.integration.sink.running import PATIENCE_SECONDS

LEFT_BEHIND = """
import asyncio, os, sys
from agents.analytics.live.aside import Aside
async def main():
    aside = Aside()
    with aside.kept():
        print(await aside(os.getpid), flush=True)
        await asyncio.sleep(1000)
if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_one_that_dies_is_told_and_the_next_call_begins_another() -> None:
    aside = Aside()
    with aside.kept():
        first = await aside(os.getpid)
        assert first not in (os.getpid(), None)
        assert await aside(os.getpid) == first
        assert await aside(os.nice, 0) >= 10
        with pytest.raises(BrokenProcessPool):
            await aside(os.kill, first, signal.SIGKILL)
        second = await aside(os.getpid)
        assert second != first
    await asyncio.to_thread(_gone, second)


async def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(LEFT_BEHIND)
    parent = await asyncio.create_subprocess_exec(sys.executable, script, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = int(await asyncio.wait_for(parent.stdout.readline(), PATIENCE_SECONDS))
    parent.kill()
    await parent.wait()
    await asyncio.to_thread(_gone, child)


def _gone(pid: int) -> None:
    try:
        psutil.Process(pid).wait(PATIENCE_SECONDS)
    except psutil.NoSuchProcess:
        return
