"""`python -m streams.sink`, as `asahi worker --only sink` and the containers run it."""

from __future__ import annotations

import asyncio

from schemas.settings import KafkaSettings, Settings
from streams.embedded.ports import LOOPBACK, claim_port
from streams.topics import RESULTS
from streams.warehouse.client import Warehouse
from tests.integration.sink.events import result_event, spread
from tests.integration.sink.running import PATIENCE_SECONDS, eventually, sink_process
from tests.integration.warehouse.databases import count


async def test_sigterm_ends_it_when_the_log_is_archived(settings: Settings, warehouse: Warehouse) -> None:
    await spread(settings, RESULTS, [result_event(number) for number in range(10)])
    sink = await sink_process(settings)

    async def works() -> bool:
        return await count(warehouse, "results") == 10

    await eventually(works)
    await spread(settings, RESULTS, [result_event(number) for number in range(10, 3000)])
    sink.terminate()
    assert await asyncio.wait_for(sink.wait(), PATIENCE_SECONDS) == 0
    assert await count(warehouse, "results") == 3000


async def test_sigterm_ends_it_while_clickhouse_is_away(settings: Settings) -> None:
    nowhere = f"http://{LOOPBACK}:{claim_port(0, 'test')}"
    away = settings.model_copy(
        update={
            "clickhouse": settings.clickhouse.model_copy(update={"url": nowhere}),
            "worker": settings.worker.model_copy(update={"drain_seconds": 1.0, "log_level": "WARNING"}),
        }
    )
    sink = await sink_process(away, asyncio.subprocess.PIPE)
    assert sink.stderr is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while b"cannot find where to go on" not in await sink.stderr.readline():
            pass
    sink.terminate()
    assert await asyncio.wait_for(sink.wait(), PATIENCE_SECONDS) == 0


async def test_without_a_broker_it_says_so() -> None:
    nowhere = f"{LOOPBACK}:{claim_port(0, 'test')}"
    sink = await sink_process(Settings(kafka=KafkaSettings(bootstrap=nowhere)), asyncio.subprocess.PIPE)
    _, said = await asyncio.wait_for(sink.communicate(), PATIENCE_SECONDS)
    assert sink.returncode == 1
    assert f"asahi sink: no broker answers at {nowhere}" in said.decode()
