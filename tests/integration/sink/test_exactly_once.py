"""Whatever happens to sinks and to ClickHouse, analysts read every event once."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import ClickHouseSettings, Settings
from streams.admin import cluster_id
from streams.embedded.warehouse import EmbeddedWarehouse
from streams.sink.block import Block
from streams.sink.counters import Counters
from streams.sink.refused import DeadLetters
from streams.sink.writer import Writer
from streams.topics import DEADLETTER, RESULTS, USAGE
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import migrate
from tests.integration.sink.events import COST, result_event, spread, usage_event
from tests.integration.sink.logs import PARTITIONS, fresh_log
from tests.integration.sink.running import eventually, running, sink_process
from tests.integration.warehouse.databases import count
from tests.unit.sink.records import record

EVENTS = 3_000
KILLS = 4


async def send(settings: Settings, first: int, beyond: int) -> None:
    """Send a result and its usage for each of these numbers."""
    await spread(settings, RESULTS, [result_event(number) for number in range(first, beyond)])
    await spread(settings, USAGE, [usage_event(number) for number in range(first, beyond)])


async def check_all_once(warehouse: Warehouse, events: int) -> None:
    """Wait until everything is there, then hold every count and every cent to it."""

    async def there() -> bool:
        found = [await count(warehouse, table) for table in ("results", "usage", "archive")]
        return found[0] >= events and found[1] >= events and found[2] >= 2 * events

    await eventually(there, f"{events} archived")
    assert await count(warehouse, "archive") == 2 * events
    (places,) = await warehouse.rows("SELECT uniqExact(topic, partition, offset) AS found FROM archive_store")
    assert places["found"] == 2 * events
    for table in ("results", "usage"):
        (money,) = await warehouse.rows(
            f"SELECT count() AS found, uniqExact(id) AS ids, sum(cost_usd) AS usd FROM {table}"
        )
        assert money == {"found": events, "ids": events, "usd": COST * events}


async def committed(settings: Settings) -> int:
    """Return the sum of the sinks' committed offsets on results and usage."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka.bootstrap, group_id=f"{settings.kafka.group}-sink")
    await consumer.start()
    try:
        places = [TopicPartition(topic.name, n) for topic in (RESULTS, USAGE) for n in range(PARTITIONS)]
        return sum([await consumer.committed(place) or 0 for place in places])
    finally:
        await consumer.stop()


async def test_sink_is_killed_between_insert_and_commit(settings: Settings, warehouse: Warehouse) -> None:
    for kill in range(KILLS):
        before = await count(warehouse, "archive_store")
        sink = await sink_process(settings)
        await send(settings, kill * EVENTS, (kill + 1) * EVENTS)

        async def block_is_there(known: int = before) -> bool:
            return await count(warehouse, "archive_store") > known

        await eventually(block_is_there, "a block")
        sink.kill()
        await sink.wait()
    async with running(settings):
        await check_all_once(warehouse, KILLS * EVENTS)


async def test_clickhouse_is_away_for_a_while(tmp_path: Path) -> None:
    server = EmbeddedWarehouse(tmp_path / "server", port=0)
    await server.start()
    clickhouse = ClickHouseSettings(url=server.url, block_seconds=0.1, block_rows=2_000, retry_max_seconds=0.2)
    try:
        async with fresh_log(tmp_path / "log", clickhouse) as settings, running(settings) as sink:
            await migrate(settings)
            await send(settings, 0, EVENTS)
            async with Warehouse(clickhouse) as warehouse:
                await check_all_once(warehouse, EVENTS)
            await server.stop()
            await send(settings, EVENTS, 4 * EVENTS)

            async def waits() -> bool:
                return sink.counters.waiting_since is not None and sink.counters.failures > 3

            await eventually(waits)
            rows = sink.counters.rows
            await server.start()
            async with Warehouse(clickhouse) as warehouse:
                await check_all_once(warehouse, 4 * EVENTS)
            assert sink.counters.waiting_since is None
            assert sink.counters.rows > rows
            assert sink.counters.set_aside == 0
    finally:
        await server.stop()


async def test_sinks_come_and_go(settings: Settings, warehouse: Warehouse) -> None:
    async with running(settings):
        await send(settings, 0, EVENTS)
        async with running(settings) as second:
            await send(settings, EVENTS, 2 * EVENTS)
            await check_all_once(warehouse, 2 * EVENTS)

            async def both_work() -> bool:
                await send_one()
                return second.counters.rows > 0

            sent = 2 * EVENTS

            async def send_one() -> None:
                nonlocal sent
                await send(settings, sent, sent + 30)
                sent += 30

            await eventually(both_work)
            third = await sink_process(settings)
            await send(settings, sent, sent + EVENTS)
            third.kill()
            await third.wait()
        await send(settings, sent + EVENTS, sent + 2 * EVENTS)
        await check_all_once(warehouse, sent + 2 * EVENTS)


async def test_sink_that_was_thought_dead_writes_what_another_wrote(settings: Settings, warehouse: Warehouse) -> None:
    """A suspended process wakes up with a block in hand that its successor has long read and written."""
    place = TopicPartition(RESULTS.name, 0)
    cluster = await cluster_id(settings)
    events = [result_event(number) for number in range(100)]
    records = [
        record(offset, event.value, tuple(event.headers), event.key, place) for offset, event in enumerate(events)
    ]
    for part in (records, records[20:60], records):
        writer = Writer(settings.clickhouse, warehouse, cluster, DeadLetters(settings), Counters())
        await writer.write(writer.encode(Block({place: part})))
    assert await count(warehouse, "archive") == 100
    assert await count(warehouse, "results") == 100
    assert await count(warehouse, "archive_store") >= 100


async def test_offsets_follow_the_inserts(settings: Settings, warehouse: Warehouse) -> None:
    async with running(settings):
        await send(settings, 0, 100)
        await check_all_once(warehouse, 100)

        async def all_committed() -> bool:
            return await committed(settings) == 200

        await eventually(all_committed)


async def test_emptied_archive_is_filled_again(settings: Settings, warehouse: Warehouse) -> None:
    async with running(settings):
        await send(settings, 0, 100)
        await check_all_once(warehouse, 100)
    for table in ("archive_store", "results_store", "calls_store"):
        await warehouse.command(f"TRUNCATE TABLE {table}")
    async with running(settings):
        await check_all_once(warehouse, 100)


async def test_two_logs_have_the_same_offsets(settings: Settings, warehouse: Warehouse, tmp_path: Path) -> None:
    async with running(settings):
        await send(settings, 0, 60)
        await check_all_once(warehouse, 60)
    async with fresh_log(tmp_path / "later", settings.clickhouse) as later, running(later):
        await send(later, 60, 130)

        async def there() -> bool:
            return await count(warehouse, "results") >= 130

        await eventually(there)
        assert await count(warehouse, "results") == 130
        assert await count(warehouse, "archive") == 260
        (logs,) = await warehouse.rows("SELECT uniqExact(cluster) AS found FROM archive")
        assert logs["found"] == 2


async def test_event_that_clickhouse_refuses_is_set_aside(settings: Settings, warehouse: Warehouse) -> None:
    await warehouse.command(
        "CREATE MATERIALIZED VIEW no_poison ENGINE = Null AS "
        "SELECT throwIf(value LIKE '%answer 17%') AS thrown FROM archive_store"
    )
    async with running(settings) as sink:
        await send(settings, 0, 100)

        async def letters() -> bool:
            return await count(warehouse, "dead_letters") == 1

        await eventually(letters)
        assert sink.counters.set_aside == 1
    (letter,) = await warehouse.rows("SELECT * FROM dead_letters")
    assert (letter["source_topic"], letter["stage"], letter["code"]) == (RESULTS.name, "sink", "not_archivable")
    place = {"partition": letter["source_partition"], "offset": letter["source_offset"]}
    marked = await warehouse.rows(
        "SELECT partition, offset, value FROM archive WHERE mapContains(headers, 'asahi_set_aside')"
    )
    assert marked == [{**place, "value": ""}]
    assert await count(warehouse, "archive", f"topic != '{DEADLETTER.name}'") == 200
    assert await count(warehouse, "results", "id != 'request-17'") == 99
    assert await count(warehouse, "usage") == 100


async def test_tables_that_are_not_there_yet_are_waited_for(
    settings: Settings, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    await warehouse.command("RENAME TABLE archive_store TO elsewhere")
    async with running(settings) as sink:
        await send(settings, 0, 50)

        async def noticed() -> bool:
            return "cannot find where to go on" in caplog.text

        await eventually(noticed)
        await warehouse.command("RENAME TABLE elsewhere TO archive_store")
        await check_all_once(warehouse, 50)
        assert sink.counters.set_aside == 0


async def test_what_is_on_the_log_at_the_end_is_archived(settings: Settings, warehouse: Warehouse) -> None:
    async with running(settings) as sink:
        await send(settings, 0, 10)
        await check_all_once(warehouse, 10)
        await send(settings, 10, 500)
    assert sink.counters.rows == 1000
    await check_all_once(warehouse, 500)
