"""An insert into the archive that is under way for as long as a test wants: its sender has not sent the end yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import aiohttp

from schemas.settings import ClickHouseSettings
from streams.topics import Topic
from streams.warehouse.client import Warehouse
from tests.integration.sink.running import eventually

FILLER_BYTES = 1024 * 1024
"""So much has to be there before a server begins with an insert."""

INSERT = """\
INSERT INTO archive_store (cluster, topic, partition, offset, timestamp, value)
SELECT '{cluster}', '{topic}', 0, place, now64(3), value FROM input('place Int64, value String') WHERE place >= 0
FORMAT TabSeparated"""


@asynccontextmanager
async def held_insert(
    settings: ClickHouseSettings, warehouse: Warehouse, topic: Topic, values: Sequence[bytes]
) -> AsyncIterator[Callable[[], None]]:
    """Begin an insert of events; yield what lets it end, which the way out waits for."""
    cluster = f"held-{uuid4().hex}"
    ending = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"-1\t%s\n" % (b"x" * FILLER_BYTES)
        await ending.wait()
        yield b"".join(b"%d\t%s\n" % (place, value) for place, value in enumerate(values))

    async def insert() -> None:
        parameters = {"query": INSERT.format(cluster=cluster, topic=topic.name), "database": settings.database}
        async with (
            aiohttp.ClientSession() as client,
            client.post(settings.url, params=parameters, data=body()) as response,
        ):
            said = await response.text()
            assert response.ok, said

    async def under_way() -> bool:
        looked_for = {"cluster": cluster}
        query = "SELECT 1 FROM system.processes WHERE query_kind = 'Insert' AND position(query, {cluster:String}) > 0"
        return bool(await warehouse.rows(query, looked_for))

    inserting = asyncio.create_task(insert())
    try:
        await eventually(under_way)
        yield ending.set
    finally:
        ending.set()
        await inserting
