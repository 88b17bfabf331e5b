"""One sink of all rolls up, again and again, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from schemas.settings import ClickHouseSettings, Settings
from streams.rollups.regularly import roll_up_regularly
from streams.sink.chores import CHORES, ROLLUPS, chore
from streams.topics import USAGE
from streams.warehouse.client import Warehouse
from tests.integration.rollups.test_exactness import write
from tests.integration.sink.events import usage_event
from tests.integration.sink.running import eventually
from tests.integration.warehouse.databases import count


def test_the_sink_does_it() -> None:
    assert ROLLUPS in CHORES
    assert chore(ROLLUPS) is roll_up_regularly


async def test_minutes_are_summed_once_this_one_is_responsible(
    warehouse: Warehouse, clickhouse: ClickHouseSettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(clickhouse=clickhouse.model_copy(update={"rollup_seconds": 0.01}))
    await write(warehouse, USAGE, [usage_event(1)])
    await warehouse.command("RENAME TABLE rollup_versions TO elsewhere")
    stop, chosen = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(roll_up_regularly(settings, chosen.is_set, stop))

    async def failed() -> bool:
        return "rolling up failed" in caplog.text

    async def summed() -> bool:
        return await count(warehouse, "rollup_versions") > 0

    try:
        assert not await failed()
        chosen.set()
        await eventually(failed)
        await warehouse.command("RENAME TABLE elsewhere TO rollup_versions")
        await eventually(summed)
    finally:
        stop.set()
        await task
