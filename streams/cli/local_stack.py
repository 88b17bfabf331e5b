"""A whole stack on this machine, from the first process to the last: what `up`, `demo` and `infer --mock` run."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from schemas.registry import ModelRegistry
from schemas.settings import Settings
from streams.admin import ensure_topics
from streams.archive.restore import RestoreReport, restore
from streams.cli.crew import Crew
from streams.cli.environment import environment_of
from streams.cli.invocation import attach
from streams.cli.tenants import register_tenants
from streams.embedded.process import ChildProcess
from streams.embedded.stack import EmbeddedStack
from streams.embedded.state import StackState
from streams.master_key import make_master_key_file
from streams.warehouse.migrations import migrate

Tell = Callable[[str], object]

REFILL, REFILL_MODULE = "refill", "agents.refill"


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A running stack.

    Attributes:
        settings: Reach it.
        restored: What it found unfinished from last time.
    """

    settings: Settings
    services: EmbeddedStack
    state: StackState
    crew: Crew
    tenants: tuple[str, ...]
    restored: RestoreReport


@asynccontextmanager
async def local_stack(settings: Settings, workers: int, tell: Tell) -> AsyncIterator[LocalStack]:
    """Run broker, ClickHouse, workers and sink until the block ends, then stop them in the order of the flow.

    Args:
        settings: Folder and ports.
        workers: Pipeline workers.
        tell: Told what is going on.

    Raises:
        ConfigurationError: Folder or ports are in use, or a setting is wrong.
        EmbeddedServiceError: A process did not start.
    """
    ModelRegistry.load(settings.models_file)  # wrong ones are told before anything is started
    tell("starting broker and ClickHouse")
    services = EmbeddedStack(settings.embedded)
    state = await services.start()
    try:
        if settings.governance.master_key is None and settings.governance.master_key_file is None:
            make_master_key_file(settings.embedded.data_dir)
        reached = attach(settings, state, forced=True)
        tell("preparing topics and tables")
        await ensure_topics(reached)
        await migrate(reached)
        restored = await restore(reached)
        # After what was restored, so that the configuration of today holds.
        tenants = await register_tenants(reached)
        tell(f"starting {started(reached, workers)}")
        crew, refilling = Crew(reached, workers), refill(reached)
        services.announce(crew.endpoints)
        try:
            await crew.start()
            if restored.results:  # there may be answers
                await refilling.start()
            yield LocalStack(reached, services, state, crew, tuple(tenants), restored)
        finally:
            tell("stopping; what is under way is finished first")
            await refilling.stop()
            await crew.stop(catch_up=services.broker.process.alive)
    finally:
        await services.stop()


def refill(settings: Settings) -> ChildProcess:
    """Return the process that fills the cache from the archive, beside the crew, and ends."""

    async def begun() -> bool:
        return True

    return ChildProcess(
        REFILL,
        [sys.executable, "-m", REFILL_MODULE],
        data_dir=settings.embedded.data_dir,
        ready=begun,
        env=environment_of(settings),
    )


def started(settings: Settings, workers: int) -> str:
    """Return in words which processes do the work."""
    crew = f"{workers} worker{'s' if workers > 1 else ''}"
    return f"{crew}, the sink and the analyst" if settings.analytics.enabled else f"{crew} and the sink"
