"""A whole system of real parts, made to be broken: broker, engine, provider and workers as separate processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from schemas.batch import CompletionBatch
from schemas.settings import (
    AuditSettings,
    ClickHouseSettings,
    KafkaSettings,
    ProviderSettings,
    Settings,
    load_settings,
)
from schemas.tenant import TenantRegistered
from streams.admin import admin, ensure_topics
from streams.archive import replay
from streams.archive.totals import disagreements
from streams.cli.environment import environment_of
from streams.embedded.warehouse import EmbeddedWarehouse
from streams.envelope import Publication, header
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.records import Record
from streams.rollups import roll_up
from streams.tail import read_tail
from streams.topics import COMPLETIONS, GOVERNANCE, REQUESTS, RESULTS, USAGE
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import migrate
from tests.chaos.answers import Answers
from tests.servers.behaviour import Behaviour, answer_or_fail
from tests.servers.openai_compatible import OpenAICompatibleServer

TENANTS = tuple(f"tenant-{number}" for number in range(6))
MODELS = """\
date: "2026-11-23"
models:
  - name: small
    providers: [loopback]
    context_window: 128000
    quality: {default: 0.9}
    speed: {first_token_ms: 10, tokens_per_second: 1000}
    price: {input: 1, output: 2, batch: 0.5}
"""
PAUSE_SECONDS = 0.1
STABLE = "Stable"
SETTLING_LOOKS = 5
"""Between two looks at the same thing: asking without end would take the cores from what is waited for."""
_completions = msgspec.msgpack.Decoder(CompletionBatch)


class Rig:
    """The running system.

    Args:
        folder: For logs, configuration and the engine's data.
        bootstrap: A running broker.
        kind: `embedded` or `apache`.
        provider: A running loopback provider.
    """

    def __init__(self, folder: Path, bootstrap: str, kind: str, provider: OpenAICompatibleServer) -> None:
        self.folder = folder
        self.provider = provider
        self.warehouse = EmbeddedWarehouse(folder, port=0)
        models = folder / "models.yaml"
        models.write_text(MODELS)
        self._kafka = KafkaSettings(
            bootstrap=bootstrap,
            group=f"chaos-{os.urandom(4).hex()}",
            fetch_max_wait_ms=4 if kind == "embedded" else 250,
            idempotent_producer=kind != "embedded",
            session_timeout_seconds=3.0,
            partitions=4,
        )
        self._models = models
        self._settings: Settings | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._answers = Answers()
        self._unread: dict[str, dict[tuple[str, int], int]] = {}
        self.workers: list[subprocess.Popen[bytes]] = []
        self._started = 0

    @property
    def settings(self) -> Settings:
        """The configuration of every process."""
        assert self._settings is not None
        return self._settings

    async def start(self, workers: int, **overrides: Any) -> None:
        """Start engine, sink and workers; tenants and topics are there afterwards."""
        await self.warehouse.start()
        sections: dict[str, Any] = {
            "kafka": self._kafka,
            "clickhouse": ClickHouseSettings(url=self.warehouse.url, retry_max_seconds=0.5),
            "models_file": self._models,
            "providers": {
                "loopback": ProviderSettings(
                    kind="openai-compatible", base_url=self.provider.base_url, max_in_flight=200
                )
            },
            "audit": AuditSettings(folder=self.folder / "audit"),
            "tenants": tuple(TenantRegistered(tenant=name, reference_model="small") for name in TENANTS),
        }
        self._settings = load_settings(**{**sections, **overrides})
        await ensure_topics(self.settings)
        await migrate(self.settings)
        async with Outbox(self._kafka) as outbox:
            facts = [Publication(t.model_dump_json().encode(), t.tenant.encode()) for t in self.settings.tenants]
            await outbox.publish(GOVERNANCE.name, 0, facts)
        self.sink = self._spawn("streams.sink")
        for _ in range(workers):
            self.start_worker()

    def start_worker(self) -> None:
        """Start one more worker."""
        self.workers.append(self._spawn("agents.worker"))

    def kill_worker(self, number: int) -> None:
        """Kill a worker with -9."""
        worker = self.workers.pop(number)
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    async def joined(self, count: int, seconds: float) -> None:
        """Wait until so many workers share the partitions: whoever was killed is out, whoever came is in."""
        async with admin(self.settings) as client, asyncio.timeout(seconds):
            while True:
                (described,) = await client.describe_consumer_groups([self.settings.kafka.group])
                _, _, state, _, _, members, *_ = described.groups[0]
                if state == STABLE and len(members) == count:
                    return
                await asyncio.sleep(PAUSE_SECONDS)

    def _spawn(self, module: str) -> subprocess.Popen[bytes]:
        self._started += 1
        with (self.folder / f"{module}-{self._started}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module], env=environment_of(self.settings), stdout=log, stderr=log
            )
        self._processes.append(process)
        return process

    async def stop(self) -> None:
        """End everything."""
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            await asyncio.to_thread(process.wait)
        await self.warehouse.stop()

    def logs(self) -> str:
        """Return what the processes complained about."""
        lines = [line for log in self.folder.glob("*.log") for line in log.read_text(errors="replace").splitlines()]
        return "\n".join(line for line in lines if '"ERROR"' in line or '"CRITICAL"' in line or "Traceback" in line)

    async def send(self, ids: Iterable[str], *, bulk: int = 50) -> None:
        """Send requests as bulk messages, spread over the tenants."""
        await self.ask(
            (
                {"id": request_id, "tenant": TENANTS[number % len(TENANTS)], "prompt": f"What is {request_id}?"}
                for number, request_id in enumerate(ids)
            ),
            bulk=bulk,
        )

    async def ask(self, requests: Iterable[dict[str, Any]], *, bulk: int = 50) -> None:
        """Send these requests as bulk messages."""
        by_tenant: dict[str, list[bytes]] = {}
        for request in requests:
            by_tenant.setdefault(request["tenant"], []).append(json.dumps(request).encode())
        async with Outbox(self._kafka) as outbox:
            for tenant, bodies in by_tenant.items():
                messages = [
                    Publication(b"[" + b",".join(bodies[start : start + bulk]) + b"]", tenant.encode())
                    for start in range(0, len(bodies), bulk)
                ]
                await outbox.publish(REQUESTS.name, home_partition(tenant, self._kafka.partitions), messages)

    def starts(self, topic: str) -> dict[tuple[str, int], int]:
        """Return the beginning of every partition of a topic."""
        return {(topic, partition): 0 for partition in range(self._kafka.partitions)}

    async def completed(self) -> set[str]:
        """Return the ids of the requests whose call has a durable outcome."""
        return {
            completion.passenger.id
            async for records in read_tail(self._kafka, self.starts(COMPLETIONS.name))
            for record in records
            for completion in _completions.decode(record.value or b"").completions
        }

    async def answers(self) -> Answers:
        """Return what results and usage say now; only what came since the last call is read."""
        async for record in self._news(RESULTS.name):
            result = json.loads(record.value or b"{}")
            event_id = (header(record.headers, "ce_id") or b"").decode()
            seen = self._answers.results.setdefault(result["id"], set())
            self._answers.bodies[result["id"]] = result
            self._answers.repeats += bool(seen)
            seen.add((event_id, result["status"]))
        async for record in self._news(USAGE.name):
            usage = json.loads(record.value or b"{}")
            self._answers.usages.setdefault(usage["request_id"], set()).add(usage["id"])
        return self._answers

    async def _news(self, topic: str) -> AsyncIterator[Record]:
        """Yield the records of a topic that no earlier call yielded."""
        unread = self._unread.setdefault(topic, self.starts(topic))
        async for records in read_tail(self._kafka, dict(unread)):
            for record in records:
                unread[topic, record.partition] = record.offset + 1
                yield record

    async def wait_for_results(self, count: int, seconds: float) -> Answers:
        """Wait until this many requests have a result.

        Raises:
            AssertionError: They did not come in time.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            answers = await self.answers()
            if len(answers.results) >= count:
                return answers
            late = asyncio.get_running_loop().time() > deadline
            assert not late, f"{len(answers.results)} of {count} results after {seconds} s\n{self.logs()}"
            await asyncio.sleep(PAUSE_SECONDS)

    async def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        async with Warehouse(self.settings.clickhouse) as warehouse:
            return [tuple(row.values()) for row in await warehouse.rows(sql)]

    async def wait_for_rows(self, sql: str, wanted: tuple[Any, ...], seconds: float) -> None:
        """Wait until the query answers this one row."""
        deadline = asyncio.get_running_loop().time() + seconds
        while (rows := await self.query(sql)) != [wanted]:
            late = asyncio.get_running_loop().time() > deadline
            assert not late, f"{sql} gave {rows}, not {wanted}, after {seconds} s\n{self.logs()}"
            await asyncio.sleep(PAUSE_SECONDS)

    async def check_money(self) -> None:
        """Hold the totals of every view and level to a fold of the archive, as they are, summed anew and replayed."""
        async with Warehouse(self.settings.clickhouse) as warehouse:
            assert await disagreements_left(warehouse) == []
            await roll_up(warehouse)
            assert await disagreements_left(warehouse) == []
            report = await replay(self.settings, swap=True)
            assert all(table.identical for table in report.tables), report
            assert await disagreements_left(warehouse) == []

    def calls_by_request(self) -> Counter[str]:
        """Return how often each request was asked of the provider."""
        return Counter(call.request_id for call in self.provider.calls)


async def disagreements_left(warehouse: Warehouse) -> list[str]:
    """Return where totals differ from the archive's, once what was just being written or summed is done.

    A total that is asked for between an insert into the archive and those into the tables made of it is none.
    """
    for _ in range(SETTLING_LOOKS):
        wrong = await disagreements(warehouse)
        if not wrong:
            break
        await roll_up(warehouse)  # names the copies of results that ended in another minute
    return wrong


@asynccontextmanager
async def running(
    folder: Path,
    bootstrap: str,
    kind: str,
    *,
    workers: int,
    latency_seconds: float = 0.0,
    behaviour: Behaviour | None = None,
    **overrides: Any,
) -> AsyncIterator[Rig]:
    """Run a system until the block ends; its provider answers after the latency, or as it is told to."""
    async with OpenAICompatibleServer(behaviour or answer_or_fail(latency_seconds=latency_seconds)) as provider:
        rig = Rig(folder, bootstrap, kind, provider)
        try:
            await rig.start(workers, **overrides)
            yield rig
        finally:
            await rig.stop()
