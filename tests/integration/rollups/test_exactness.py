"""Whatever comes twice, late or corrected: money is the same in the archive, in the views and at every level."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import count as counting

import msgspec
import pytest
from aiokafka import TopicPartition

from schemas.settings import ClickHouseSettings, Settings
from schemas.wire import UsageRecord
from streams.archive import replay
from streams.archive.totals import disagreements, totals
from streams.envelope import Publication, cloud_event
from streams.rollups import Rolled, roll_up
from streams.rollups.rolling import pending
from streams.sink.block import COLUMNS, Block, encode
from streams.topics import RESULTS, USAGE, Topic
from streams.warehouse.client import Warehouse
from tests.integration.sink.events import COST, TENANT, result, result_event, usage_event
from tests.integration.warehouse.databases import count
from tests.unit.sink.records import record

offsets = counting()
LEVELS = ("minute", "hour", "day", "month")


async def write(warehouse: Warehouse, topic: Topic, events: Sequence[Publication]) -> None:
    """Insert events as the sink does, at new places of the log."""
    place = TopicPartition(topic.name, 0)
    records = [record(next(offsets), event.value, tuple(event.headers), event.key, place) for event in events]
    data = encode("log-1", Block({place: records}).in_order())
    await warehouse.insert("archive_store", COLUMNS, data, {"async_insert": 0})


def corrected(number: int, usd: str, revision: int = 1) -> Publication:
    known = msgspec.json.decode(usage_event(number).value or b"", type=UsageRecord)
    changed = msgspec.structs.replace(known, cost_usd=usd, revision=revision)
    name = f"{changed.id}/{revision}"
    return cloud_event(USAGE, name, changed.tenant, changed.occurred_at, msgspec.json.encode(changed))


def again_later(number: int, **later: int) -> Publication:
    """Return a result that was made again after a crash and so ended at another time."""
    first = result(number)
    record = msgspec.structs.replace(first, completed_at=first.completed_at + timedelta(**later))
    return cloud_event(RESULTS, record.id, record.tenant, record.completed_at, msgspec.json.encode(record))


OVER_ALL = {
    "usage": "model, provider, sum(r.calls), sum(r.cost_usd), sum(r.superseded_usd), sum(r.input_tokens)",
    "results": "status, model, cache_tier, sum(r.results), sum(r.cost_usd), sumMap(savings_usd), sumMap(saved_by)",
}
MOMENTS = ("1970-01-01 00:00:00", "2026-11-23 10:00:30.5")


async def differences(warehouse: Warehouse) -> list[str]:
    """Return where money is not the same, the dashboard's sums over all organizations included."""
    found = await disagreements(warehouse)
    for source, columns in OVER_ALL.items():
        for since in MOMENTS:
            asked = [
                warehouse.rows(
                    f"SELECT {columns} FROM {source}_{view}(since = '{since}') AS r GROUP BY ALL ORDER BY ALL"
                )
                for view in ("overview", "since")
            ]
            overview, details = await asyncio.gather(*asked)
            if overview != details:
                found.append(f"{source} since {since}: {overview} in the overview, {details} in detail")
    return found


async def spent(warehouse: Warehouse) -> set[Decimal]:
    """Return what the calls cost by all who say it."""
    found = await totals(warehouse)
    return {told[TENANT].usd for place, told in found.items() if place.startswith("usage")}


async def test_nothing_is_nothing_everywhere(warehouse: Warehouse) -> None:
    assert await roll_up(warehouse)
    assert set(map(len, (await totals(warehouse)).values())) == {0}


async def test_levels_say_the_same_before_and_after_they_are_rolled_up(warehouse: Warehouse) -> None:
    await write(warehouse, USAGE, [usage_event(number) for number in range(50)])
    await write(warehouse, RESULTS, [result_event(number) for number in range(50)])
    assert await differences(warehouse) == []
    rolled = await roll_up(warehouse, unfinished=True)
    assert rolled == Rolled(2, 2, 2, 2)
    assert await pending(warehouse) == 0
    assert await differences(warehouse) == []
    assert await spent(warehouse) == {50 * COST}
    for level in LEVELS:
        assert await count(warehouse, f"usage_by_{level}_store") == 1
    rolled = await roll_up(warehouse)
    assert rolled == Rolled(), "what was not touched is left alone"


async def test_what_comes_twice_counts_once(warehouse: Warehouse) -> None:
    calls = [usage_event(number) for number in range(20)]
    await write(warehouse, USAGE, calls)
    await roll_up(warehouse)
    await write(warehouse, USAGE, calls)
    assert await spent(warehouse) == {20 * COST}
    await roll_up(warehouse)
    assert await spent(warehouse) == {20 * COST}


async def test_corrections_and_late_calls_count_at_once_and_stay(warehouse: Warehouse) -> None:
    await write(warehouse, USAGE, [usage_event(number) for number in range(20)])
    await roll_up(warehouse)
    await write(warehouse, USAGE, [corrected(3, "7.000000000000000001"), usage_event(86_400_000)])
    await write(warehouse, USAGE, [corrected(3, "9", 2), corrected(3, "7.000000000000000001"), usage_event(3)])
    right = 20 * COST + 9
    assert await spent(warehouse) == {right}
    assert await differences(warehouse) == []
    await roll_up(warehouse)
    assert await spent(warehouse) == {right}
    assert await differences(warehouse) == []


async def test_correction_that_moves_a_call_leaves_nothing_behind(warehouse: Warehouse) -> None:
    """A version of a minute may lack what the one before it had."""
    await write(warehouse, USAGE, [usage_event(1, team="red")])
    await roll_up(warehouse)
    known = msgspec.json.decode(usage_event(1, team="blue", revision=1).value or b"", type=UsageRecord)
    value = msgspec.json.encode(known)
    await write(warehouse, USAGE, [cloud_event(USAGE, f"{known.id}/1", TENANT, known.occurred_at, value)])
    await roll_up(warehouse)
    for level in LEVELS:
        rows = await warehouse.rows(f"SELECT team, calls FROM usage_by_{level}")
        assert rows == [{"team": "blue", "calls": 1}], level


@pytest.mark.parametrize("later", [{"minutes": 3}, {"hours": 2}])
async def test_result_made_again_in_another_minute_counts_where_it_was_first(
    warehouse: Warehouse, later: dict[str, int]
) -> None:
    await write(warehouse, RESULTS, [result_event(number) for number in range(5)])
    await roll_up(warehouse)
    await write(warehouse, RESULTS, [again_later(number, **later) for number in (1, 2)])
    await roll_up(warehouse)
    assert await differences(warehouse) == []
    assert await count(warehouse, "results_repeats") == 2


async def test_first_result_may_come_after_its_copy(warehouse: Warehouse) -> None:
    """Copies of one result on two partitions may be read in any order: the earlier one on the log holds."""
    place = TopicPartition(RESULTS.name, 0)
    first = result_event(1)
    early = record(next(offsets), first.value, tuple(first.headers), first.key, place)
    await write(warehouse, RESULTS, [again_later(1, minutes=5)])
    await roll_up(warehouse)
    data = encode("log-1", Block({place: [early]}).in_order())
    await warehouse.insert("archive_store", COLUMNS, data, {"async_insert": 0})
    await roll_up(warehouse)
    await roll_up(warehouse)  # the minute of the copy was found to be touched by the first
    assert await differences(warehouse) == []


async def test_two_passes_at_once_and_inserts_meanwhile(warehouse: Warehouse) -> None:
    async def insert() -> None:
        for first in range(0, 200, 20):
            await write(warehouse, USAGE, [usage_event(number * 5_000) for number in range(first, first + 30)])
            await write(warehouse, RESULTS, [result_event(number * 5_000) for number in range(first, first + 30)])

    await asyncio.gather(insert(), *(roll_up(warehouse) for _ in range(3)))
    assert await differences(warehouse) == []
    await roll_up(warehouse, unfinished=True)
    assert await pending(warehouse) == 0
    assert await differences(warehouse) == []


async def test_damage_is_told_and_a_replay_mends_it(warehouse: Warehouse, clickhouse: ClickHouseSettings) -> None:
    await write(warehouse, USAGE, [usage_event(number) for number in range(20)])
    await write(warehouse, RESULTS, [result_event(number) for number in range(20)])
    await roll_up(warehouse)
    await warehouse.command("DELETE FROM calls_store WHERE id = 'call-3'")
    await warehouse.command("INSERT INTO endings_store (event_key, tenant, completed_at) VALUES (1, 'demo', now())")
    await warehouse.command(
        "ALTER TABLE usage_by_day_store UPDATE cost_usd = 5 WHERE 1", settings={"mutations_sync": 1}
    )
    wrong = await disagreements(warehouse)
    assert {one.partition(":")[0] for one in wrong} >= {"usage in usage", "usage in usage_by_day"}
    report = await replay(Settings(clickhouse=clickhouse), swap=True)
    assert report.rolled is not None
    assert report.rolled.minutes >= 2
    assert await differences(warehouse) == []
