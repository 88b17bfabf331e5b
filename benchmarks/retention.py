"""What a pass of retention costs: `python -m benchmarks.retention --messages 1000000 --due 0.01`.

An archive with requests of two organizations in one partition, merged into one part, the worst there is: of the one
everything older than a day is due. CPU is that of the engine's process, so that neighbours do not matter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from agents.governance.retention.removal import look, patient, remove
from agents.governance.retention.rules import Horizon, Rules
from agents.governance.retention.statements import Look
from schemas.settings import ClickHouseSettings, Settings
from streams.archive.replay import FILL_SETTINGS
from streams.embedded.warehouse import EmbeddedWarehouse
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import migrate

LIMITED, OTHER = "limited", "other"
BODY_CHARS = 800
FILL = """
INSERT INTO archive_store (cluster, topic, partition, offset, timestamp, key, value, archived_at)
SELECT 'bench', 'asahi.requests', number % 8, number,
    now() - toIntervalSecond(if(number % {every} = 0, 172800, 3600)) AS at,
    if(number % {every} = 0 OR number % 10 = 1, '{limited}', '{other}') AS tenant,
    concat('{{"id":"r', toString(number), '","tenant":"', tenant, '","tags":{{"job":"n"}},"prompt":"',
        hex(randomString({chars})), '"}}'),
    toDateTime(at)
FROM numbers({messages})
"""


def _fill(messages: int, due: float) -> str:
    every = max(2, round(1 / due))
    half = BODY_CHARS // 2  # two hexadecimal digits a byte
    return FILL.format(messages=messages, every=every, limited=LIMITED, other=OTHER, chars=half)


async def measure(messages: int, due: float) -> dict[str, Any]:
    """Return what looking, removing, and looking again cost."""
    with tempfile.TemporaryDirectory() as folder:
        engine = EmbeddedWarehouse(Path(folder), port=0, start_timeout=120.0)
        await engine.start()
        try:
            settings = Settings(clickhouse=patient(ClickHouseSettings(url=engine.url)))
            await migrate(settings)
            async with Warehouse(settings.clickhouse) as warehouse:
                await warehouse.command("DROP TABLE requests_fold")
                await warehouse.command(_fill(messages, due), settings=FILL_SETTINGS)
                await warehouse.command("OPTIMIZE TABLE archive_store FINAL")
                return await _passes(warehouse, psutil.Process(engine.process.pid), messages)
        finally:
            await engine.stop()


async def _passes(warehouse: Warehouse, engine: psutil.Process, messages: int) -> dict[str, Any]:
    rules = Rules((Horizon(1, frozenset({LIMITED})),), unlimited=frozenset({OTHER}))
    now = datetime.now(UTC)
    whole = Look(now)
    found, looked = await _cost(engine, look(warehouse, rules, whole))
    _, removed = await _cost(engine, remove(warehouse, rules, whole, found))
    later = Look(now + timedelta(hours=1), now)
    nothing, again = await _cost(engine, look(warehouse, rules, later))
    (size,) = await warehouse.rows(
        "SELECT sum(data_uncompressed_bytes) AS raw, count() AS parts FROM system.parts"
        " WHERE table = 'archive_store' AND active AND database = currentDatabase()"
    )
    return {
        "messages": messages,
        "due": sum(one.events["requests"] for one in found.tenants),
        "raw_bytes": size["raw"],
        "parts": size["parts"],
        "whole_look": looked,
        "removal": removed,
        "hourly_look": again,
        "left_due": sum(one.events["requests"] for one in nothing.tenants),
    }


async def _cost(engine: psutil.Process, work: Awaitable[Any]) -> tuple[Any, dict[str, float]]:
    began, cpu = time.perf_counter(), sum(engine.cpu_times()[:2])
    done = await work
    spent = sum(engine.cpu_times()[:2]) - cpu
    return done, {"cpu_seconds": round(spent, 2), "seconds": round(time.perf_counter() - began, 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--due", type=float, default=0.01, help="share of messages that are due")
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.messages, options.due))))


if __name__ == "__main__":
    main()
