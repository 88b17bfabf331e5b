"""`asahi worker`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

import click

from streams.cli.environment import environment_of
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end, until_signalled

MODULES: Mapping[str, str] = {
    "pipeline": "agents.worker",
    "sink": "streams.sink",
    "analyst": "agents.analytics",
}
"""What a process may be; agents are named, not imported: this package must not know them."""
TOGETHER = ("pipeline", "sink")
"""What runs where nothing else is asked for: requests are answered and archived by these."""


@click.command()
@click.option("--only", type=click.Choice(list(MODULES)), help="One of them instead of worker and sink.")
@click.pass_obj
def worker(invocation: Invocation, only: str | None) -> int:
    """Run one worker and one sink, or only one process, against the configured brokers until told to stop.

    This is what a container runs; on one machine `asahi up` does it all.
    """
    settings = invocation.attached()
    environment = environment_of(settings)
    if only is not None:
        # Becoming the worker rather than starting it: signals and the exit code need no go-between.
        os.execve(sys.executable, [sys.executable, "-m", MODULES[only]], environment)  # noqa: S606 - our own module
    beside = settings.metrics.model_copy(update={"port": settings.metrics.port and settings.metrics.port + 1})
    return run_to_end(_both(environment, environment_of(settings.model_copy(update={"metrics": beside}))))


async def _both(pipeline: Mapping[str, str], sink: Mapping[str, str]) -> int:
    """Run both until a signal comes, or one of them ends; the exit code is then that one's.

    Args:
        pipeline: The environment of the worker.
        sink: The environment of the sink.
    """
    environments = {"pipeline": pipeline, "sink": sink}
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", MODULES[kind], env=environments[kind])
        for kind in TOGETHER
    ]
    endings = [asyncio.ensure_future(process.wait()) for process in processes]
    told = asyncio.ensure_future(until_signalled())
    await asyncio.wait([told, *endings], return_when=asyncio.FIRST_COMPLETED)
    failed = next((ending.result() for ending in endings if ending.done()), 0)
    for process in processes:
        if process.returncode is None:
            process.terminate()
    await asyncio.wait(endings)
    return failed
