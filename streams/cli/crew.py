"""The processes that do the work of an embedded stack: workers, a sink and an analyst, restarted when they die."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass

from schemas.errors import BrokerUnavailable, EmbeddedServiceError
from schemas.settings import Settings
from streams.cli.environment import environment_of
from streams.cli.worker import MODULES
from streams.embedded.ports import LOOPBACK, free_ports
from streams.embedded.process import ChildProcess
from streams.health import STABLE, stage_health

logger = logging.getLogger(__name__)

SINK, ANALYST = "sink", "analyst"
WATCH_SECONDS = 0.25
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
PROVEN_SECONDS = 30.0
"""A process that lived so long began well: the pause before its next restart is the first one again."""
READY_SECONDS = 60.0
CATCH_UP_SECONDS = 20.0
LOOK_SECONDS = 0.1


@dataclass(slots=True)
class _Member:
    """One process and what became of it so far."""

    process: ChildProcess
    started_at: float = 0.0
    restart_at: float | None = None
    pause: float = FIRST_PAUSE_SECONDS


class Crew:
    """All workers, the sink and the analyst of one stack, as children of this process.

    Args:
        settings: Reach the stack; `embedded.data_dir` gets the logs.
        workers: How many pipeline workers.

    Attributes:
        restarts: How often a process had to be started again.
        endpoints: `host:port` of the figures of each process, by its name; empty where they tell none.
    """

    def __init__(self, settings: Settings, workers: int) -> None:
        self.restarts = 0
        self._settings = settings
        analysts = [ANALYST] if settings.analytics.enabled else []
        names = [*(f"worker-{number}" for number in range(1, workers + 1)), SINK, *analysts]
        ports = free_ports(len(names)) if settings.metrics.enabled else []
        self.endpoints = {name: f"{LOOPBACK}:{port}" for name, port in zip(names, ports, strict=False)}
        self._workers = [self._member(f"worker-{number}", "pipeline") for number in range(1, workers + 1)]
        self._sink = self._member(SINK, "sink")
        self._analysts = [self._member(name, ANALYST) for name in analysts]
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start all of them, and wait until workers and sink have joined; no request needs the analyst.

        Raises:
            EmbeddedServiceError: One of them ended, or did not join in time.
        """
        for member in self._members:
            await self._start(member)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._joined()
        except TimeoutError:
            log = self._workers[0].process.log_path
            raise EmbeddedServiceError(f"the workers did not begin within {READY_SECONDS:g} s; see {log}") from None
        self._watcher = asyncio.create_task(self._watch(), name="crew-watch")

    async def stop(self, *, catch_up: bool = True) -> None:
        """Stop the workers, let the sink write what they left, and stop the sink.

        Args:
            catch_up: There is a log left to catch up with.
        """
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
        await asyncio.gather(*(member.process.stop() for member in (*self._workers, *self._analysts)))
        if catch_up and self._sink.process.alive:
            await self.sink_caught_up(CATCH_UP_SECONDS)
        await self._sink.process.stop()

    async def sink_caught_up(self, patience: float) -> bool:
        """Wait until every public event is in ClickHouse; return False when it takes too long."""
        try:
            async with asyncio.timeout(patience):
                while True:
                    lags = [health.lag for health in await stage_health(self._settings) if health.stage == "sink"]
                    if not any(lags):
                        return True
                    await asyncio.sleep(LOOK_SECONDS)
        except (TimeoutError, BrokerUnavailable):
            logger.warning("the sink did not catch up within %g s", patience)
            return False

    @property
    def _members(self) -> list[_Member]:
        return [*self._workers, self._sink, *self._analysts]

    def _member(self, name: str, kind: str) -> _Member:
        process = ChildProcess(
            name,
            [sys.executable, "-m", MODULES[kind]],
            data_dir=self._settings.embedded.data_dir,
            ready=_began,
            env=environment_of(self._told_its_port(name)),
            start_timeout=self._settings.embedded.start_timeout_seconds,
            stop_timeout=self._settings.embedded.stop_timeout_seconds,
        )
        return _Member(process)

    def _told_its_port(self, name: str) -> Settings:
        """Return the settings of one process: its own port for its figures, the same after every restart."""
        if name not in self.endpoints:
            return self._settings
        host, _, port = self.endpoints[name].rpartition(":")
        metrics = self._settings.metrics.model_copy(update={"host": host, "port": int(port)})
        return self._settings.model_copy(update={"metrics": metrics})

    async def _start(self, member: _Member) -> None:
        await member.process.start()
        member.started_at = asyncio.get_running_loop().time()
        member.restart_at = None

    async def _joined(self) -> None:
        while True:
            for member in self._members:
                member.process.check()
            wanted = {"intake": len(self._workers), "sink": 1}
            joined = [health for health in await stage_health(self._settings) if health.stage in wanted]
            if all(health.state == STABLE and health.members >= wanted[health.stage] for health in joined):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = asyncio.get_running_loop().time()
            for member in self._members:
                member.process.rotate_log()
                if not member.process.alive:
                    await self._revive(member, now)

    async def _revive(self, member: _Member, now: float) -> None:
        """Restart a dead process, at once the first time, then with growing pauses."""
        if member.restart_at is None:
            if now - member.started_at > PROVEN_SECONDS:
                member.pause = FIRST_PAUSE_SECONDS
            member.restart_at = now + member.pause
            how, _, _ = member.process.obituary().partition(";")
            logger.warning("%s; starting it again, see %s", how, member.process.log_path)
            member.pause = min(2 * member.pause, LONGEST_PAUSE_SECONDS)
        if now >= member.restart_at:
            self.restarts += 1
            try:
                await self._start(member)
            except EmbeddedServiceError:
                member.restart_at = now + member.pause


async def _began() -> bool:
    """A worker has no port to ask: that it has joined its group is seen from the broker."""
    return True
