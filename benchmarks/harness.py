"""What the pipeline benchmark stands on: a stack of its own, its processes watched, its results counted."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import EmbeddedSettings, KafkaSettings, Settings, load_settings
from streams.admin import ensure_topics
from streams.cli.environment import environment_of
from streams.embedded.ports import free_ports
from streams.embedded.stack import EmbeddedStack
from streams.embedded.state import StackState
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.topics import GOVERNANCE
from streams.warehouse.migrations import migrate

ROOT = Path(__file__).resolve().parents[1]
POLL_MS = 50
BULK_WAIT_MS = 20
"""As `asahi submit` waits."""
LOG_CHARS = 4000
MEGABYTE = 1024 * 1024


class _Id(msgspec.Struct):
    id: str


_id = msgspec.json.Decoder(_Id)


@dataclass(slots=True)
class Watched:
    """Child processes by name, with the CPU they have used."""

    processes: dict[str, psutil.Process] = field(default_factory=dict)

    def cpu(self) -> dict[str, float]:
        """Return CPU seconds used so far, by process."""
        return {name: sum(process.cpu_times()[:2]) for name, process in self.processes.items()}

    def rss_mb(self) -> dict[str, float]:
        """Return resident memory, by process."""
        return {name: round(process.memory_info().rss / MEGABYTE, 1) for name, process in self.processes.items()}


def spent(before: Mapping[str, float], after: Mapping[str, float], requests: int) -> dict[str, float]:
    """Return CPU seconds per 1,000 requests, by process."""
    return {name: round((after[name] - before[name]) * 1000 / requests, 4) for name in after}


def child(module: str, *arguments: str, env: Mapping[str, str] | None = None, log: Path | None = None) -> Any:
    """Start a Python module as a child process."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    with Path(log or os.devnull).open("ab") as sink:  # the child has it open by itself
        return subprocess.Popen([sys.executable, "-m", module, *arguments], env=variables, stdout=sink, stderr=sink)


class Counter:
    """Follows a topic outside any group and notes when each message came.

    Args:
        wait_ms: How long a fetch waits; the shorter, the more of the CPU that it measures the counter takes.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, partitions: int, wait_ms: int = BULK_WAIT_MS) -> None:
        self._kafka = kafka
        self._wait_ms = max(wait_ms, kafka.fetch_max_wait_ms)
        self._topic = topic
        self._partitions = partitions
        self.arrived: dict[str, float] = {}
        self.count = 0
        self.last = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Counter:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self._kafka.bootstrap, fetch_max_wait_ms=self._wait_ms)
        await self._consumer.start()
        places = [TopicPartition(self._topic, number) for number in range(self._partitions)]
        self._consumer.assign(places)
        await self._consumer.seek_to_beginning(*places)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._consumer.stop()

    async def until(self, count: int, seconds: float, *, ids: bool = False) -> None:
        """Read until this many messages have come since the start.

        Raises:
            TimeoutError: They did not come in time.
        """
        deadline = time.monotonic() + seconds
        while self.count < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.count} of {count} messages on {self._topic} after {seconds} s")
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=10_000)
            now = time.perf_counter()
            for records in fetched.values():
                self.count += len(records)
                self.last = now
                if ids:
                    for record in records:
                        self.arrived.setdefault(_id.decode(record.value).id, now)


class System:
    """The stack under measurement; workers and sink come only when asked for, so that yardsticks run undisturbed."""

    def __init__(self, settings: Settings, state: StackState, folder: Path) -> None:
        self.settings = settings
        self.watched = Watched(
            {
                "broker": psutil.Process(state.broker_pid),
                "clickhouse": psutil.Process(state.clickhouse_pid),
                "bench": psutil.Process(),
            }
        )
        self._folder = folder
        self._children: list[Any] = []

    def start(self, workers: int) -> None:
        """Start workers, sink and analyst."""
        for number in range(workers):
            self._start(f"worker_{number}", "agents.worker")
        self._start("sink", "streams.sink")
        self._start("analyst", "agents.analytics")

    def _start(self, name: str, module: str) -> None:
        process = child(module, env=environment_of(self.settings), log=self._folder / f"{name}.log")
        self._children.append(process)
        self.watched.processes[name] = psutil.Process(process.pid)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hold everything started until the block ends, so that a yardstick has the machine to itself.

        Shorter than a session of the consumer group, or others would be taken for dead.
        """
        for process in self._children:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in self._children:
                process.send_signal(signal.SIGCONT)

    def logs(self, name: str) -> dict[str, str]:
        """Return what the processes whose names begin so have logged so far."""
        return {log.stem: log.read_text() for log in sorted(self._folder.glob(f"{name}*.log"))}

    def stop(self) -> None:
        """End what was started; once more does nothing."""
        for process in self._children:
            process.terminate()
        for process in self._children:
            process.wait()
        if os.environ.get("BENCH_LOGS"):
            show_logs(self._folder)


@asynccontextmanager
async def system(overrides: Mapping[str, Any], broker: str | None) -> AsyncIterator[System]:
    """Run broker and engine, with topics, tables and tenants, until the block ends.

    Args:
        overrides: Sections of the settings.
        broker: Bootstrap of a running Kafka to use instead of the embedded broker.
    """
    with tempfile.TemporaryDirectory(prefix="asahi-bench-") as folder:
        broker_port, clickhouse_port = free_ports(2)
        embedded = EmbeddedSettings(data_dir=Path(folder), broker_port=broker_port, clickhouse_port=clickhouse_port)
        services = EmbeddedStack(embedded)
        state = await services.start()
        try:
            wait = embedded.fetch_max_wait_ms if broker is None else KafkaSettings().fetch_max_wait_ms
            kafka = KafkaSettings(
                bootstrap=broker or state.bootstrap,
                fetch_max_wait_ms=wait,
                idempotent_producer=broker is not None,
                group=f"bench-{os.getpid()}",
            )
            sections = {"kafka": kafka, "clickhouse": {"url": state.clickhouse_url}, **overrides}
            settings = load_settings(**sections)
            await ensure_topics(settings)
            await migrate(settings)
            async with Outbox(settings.kafka) as outbox:
                facts = [
                    Publication(tenant.model_dump_json().encode(), tenant.tenant.encode())
                    for tenant in settings.tenants
                ]
                await outbox.publish(GOVERNANCE.name, 0, facts)
            running = System(settings, state, Path(folder))
            try:
                yield running
            finally:
                running.stop()
        finally:
            await services.stop()


def show_logs(folder: Path) -> None:
    """Print the end of every process's log."""
    for log in sorted(folder.glob("*.log")):
        print(f"== {log.name}\n{log.read_text()[-LOG_CHARS:]}", file=sys.stderr)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]
