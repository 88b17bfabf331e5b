"""The embedded stack: broker and ClickHouse as child processes of this one, on one data folder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from schemas.errors import AsahiError, ConfigurationError, EmbeddedServiceError
from schemas.settings import EmbeddedSettings
from streams.embedded.broker import EmbeddedBroker
from streams.embedded.identity import ProcessIdentity
from streams.embedded.state import FolderLock, StackState, forget_stack
from streams.embedded.warehouse import EmbeddedWarehouse

logger = logging.getLogger(__name__)

_WATCH_SECONDS = 0.25
_BACKOFF_MAX_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """Whether one service works; `detail` says what is wrong with one that does not."""

    service: str
    ok: bool
    detail: str = ""


class EmbeddedStack:
    """Everything Asahi needs beside itself, on one machine.

    ClickHouse is restarted when it dies: its data is on disk. The broker is not: its log died with it, and a fresh
    empty one under running workers would lose events silently. The stack reports itself unhealthy instead.

    Start it from the main thread: the children die with the thread that started them.

    Args:
        settings: Folder, ports and timeouts.
    """

    def __init__(self, settings: EmbeddedSettings) -> None:
        self.data_dir = settings.data_dir.absolute()
        self.broker = EmbeddedBroker(
            self.data_dir, settings.broker_port, start_timeout=settings.start_timeout_seconds
        )
        self.warehouse = EmbeddedWarehouse(
            self.data_dir,
            settings.clickhouse_port,
            start_timeout=settings.start_timeout_seconds,
            stop_timeout=settings.stop_timeout_seconds,
        )
        self.clickhouse_restarts = 0
        self._running: AsyncExitStack | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._started_at = datetime.now(UTC)
        self._processes: dict[str, str] = {}
        self._metrics: str | None = None

    async def start(self) -> StackState:
        """Start both services and publish the state file.

        Raises:
            ConfigurationError: The data folder or a port is in use.
            EmbeddedServiceError: A service did not come up; everything is stopped again then.
        """
        if self._running is not None:
            raise EmbeddedServiceError("the embedded stack runs already")
        async with AsyncExitStack() as undo:
            lock = FolderLock(self.data_dir)
            lock.acquire()
            undo.callback(lock.release)
            undo.callback(forget_stack, self.data_dir)
            forget_stack(self.data_dir)  # what a crashed stack left behind
            undo.push_async_callback(self.warehouse.stop)
            undo.push_async_callback(self.broker.stop)
            await self._start_services()
            self._started_at = datetime.now(UTC)
            state = self._publish()
            self._watcher = asyncio.create_task(self._watch(), name="embedded-stack-watch")
            undo.push_async_callback(self._stop_watching)
            self._running = undo.pop_all()
        return state

    def announce(self, processes: Mapping[str, str], metrics: str | None = None) -> None:
        """Tell other commands, in the state file, where figures are.

        Args:
            processes: `host:port` by the name of each worker and sink.
            metrics: `host:port` where they are joined.
        """
        self._processes, self._metrics = dict(processes), metrics
        self._publish()

    async def stop(self) -> None:
        """Stop in order: broker first, so that nothing new arrives, then ClickHouse, then state file and lock."""
        if self._running is not None:
            running, self._running = self._running, None
            await running.aclose()

    async def health(self) -> tuple[ServiceHealth, ...]:
        """Ask every service whether it works; takes a few seconds at most."""
        broker, warehouse = await asyncio.gather(
            _health("broker", self.broker), _health("clickhouse", self.warehouse)
        )
        if not broker.ok and self._running is not None and not self.broker.process.alive:
            lost = "the log died with it: stop and start the stack, the archive restores what was open; "
            broker = ServiceHealth("broker", ok=False, detail=lost + broker.detail)
        if self._watcher is not None and self._watcher.done():
            unwatched = ServiceHealth("watch", ok=False, detail="nobody restarts a dead ClickHouse; see the log")
            return broker, warehouse, unwatched
        return broker, warehouse

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _start_services(self) -> None:
        """Start both at once. Neither start is abandoned half-way: a failure of one waits for the other."""
        outcomes = await asyncio.gather(self.broker.start(), self.warehouse.start(), return_exceptions=True)
        for failure in outcomes:
            if failure is not None:
                raise failure

    def _publish(self) -> StackState:
        broker_pid, clickhouse_pid = self.broker.process.pid, self.warehouse.process.pid
        assert broker_pid is not None, "published before the broker was started"
        assert clickhouse_pid is not None, "published before ClickHouse was started"
        state = StackState(
            owner=ProcessIdentity.of_this_process(),
            cluster_id=self.broker.cluster_id,
            bootstrap=self.broker.bootstrap,
            broker_pid=broker_pid,
            clickhouse_url=self.warehouse.url,
            clickhouse_pid=clickhouse_pid,
            started_at=self._started_at,
            processes=self._processes,
            metrics=self._metrics,
        )
        state.write(self.data_dir)
        return state

    async def _watch(self) -> None:
        broker_lost = False
        backoff = _WATCH_SECONDS
        while True:
            await asyncio.sleep(backoff)
            if not broker_lost and not self.broker.process.alive:
                broker_lost = True
                logger.error("the broker died, and its log with it", extra={"why": self.broker.process.obituary()})
            for service in (self.broker, self.warehouse):
                service.process.rotate_log()
            restarted = self.warehouse.process.alive or await self._restart_warehouse()
            backoff = _WATCH_SECONDS if restarted else min(2 * backoff, _BACKOFF_MAX_SECONDS)

    async def _restart_warehouse(self) -> bool:
        logger.error("ClickHouse died; restarting it", extra={"why": self.warehouse.process.obituary()})
        try:
            await self.warehouse.start()
        except (EmbeddedServiceError, ConfigurationError, OSError) as failure:  # OSError: the disk may be full
            logger.exception("ClickHouse did not come back; trying again", extra={"why": str(failure)})
            return False
        self.clickhouse_restarts += 1
        self._publish()
        return True

    async def _stop_watching(self) -> None:
        if self._watcher is not None:
            watcher, self._watcher = self._watcher, None
            watcher.cancel()
            await asyncio.wait([watcher])
            if not watcher.cancelled() and (bug := watcher.exception()) is not None:
                logger.error("the watch over the stack had ended early", exc_info=bug)


async def _health(name: str, service: EmbeddedBroker | EmbeddedWarehouse) -> ServiceHealth:
    try:
        await service.check()
    except AsahiError as wrong:
        return ServiceHealth(name, ok=False, detail=str(wrong))
    return ServiceHealth(name, ok=True)
