"""Pricing logged calls again: told first, written down when asked to, and never by an edit."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agents.accounting.correction import Difference, Place
from agents.accounting.recost import count_again
from agents.accounting.settlement import settle
from schemas.batch import PaidCall, Target
from schemas.registry import ModelRegistry
from schemas.result import Lane
from schemas.settings import Settings
from schemas.wire import ResultRecord, Tokens, UsageRecord
from streams.archive import replay
from streams.envelope import Publication, cloud_event
from streams.topics import RESULTS, USAGE
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import FOLDER, migrate
from tests.flow.journeys import NOW, PARIS, a_completion, a_passenger
from tests.flow.models import a_model, a_registry
from tests.integration.sink.events import publish
from tests.integration.sink.logs import fresh_log
from tests.integration.sink.running import eventually, running
from tests.integration.warehouse.databases import count, fresh_database

CALLS = 20
BEFORE_CORRECTIONS = 8
"""Migrations there were before usage could be corrected."""
START = datetime(2026, 11, 23, 10, tzinfo=UTC)
LATER = datetime(2026, 11, 25, tzinfo=UTC)
FAR = datetime(2030, 1, 1, tzinfo=UTC)
TENANT = "demo"


def prices(name: str, rate: int) -> ModelRegistry:
    small = a_model("small", price={"input": rate, "cached_input": 0, "output": rate, "cache_write": 2 * rate})
    return ModelRegistry((small,), name)


def usage(number: int, model: str = "small") -> UsageRecord:
    """Return a call of 1,000 tokens, 100 of them written to a cache; each costs 0.0011 where a token costs 1 each."""
    return UsageRecord(
        id=f"call-{number}",
        request_id=f"request-{number}",
        tenant=TENANT,
        model=model,
        provider="east",
        lane=Lane.BULK,
        usage=Tokens(800, 0, 200, 50, 100, 0, 10, 0, 5, 7, 3, 1),
        cost_usd="0.0011",
        price_list="list-1",
        latency_ms=4.5,
        occurred_at=START + timedelta(minutes=number),
        tags={"job": "nightly"},
        batch=number % 2 == 0,
    )


def event(record: UsageRecord) -> Publication:
    return cloud_event(USAGE, record.id, record.tenant, record.occurred_at, msgspec.json.encode(record))


@pytest.fixture
async def sunk(settings: Settings, warehouse: Warehouse) -> AsyncIterator[Settings]:
    """Twenty calls in the tables, one of them of a model that has no price any more, and a sink that goes on."""
    async with running(settings):
        calls = [usage(number) for number in range(CALLS - 1)]
        await publish(settings, USAGE, [event(call) for call in (*calls, usage(CALLS - 1, "withdrawn"))])

        async def there() -> bool:
            return await count(warehouse, "usage") == CALLS

        await eventually(there, "calls in the table")
        yield settings


async def spent(warehouse: Warehouse) -> Decimal:
    (row,) = await warehouse.rows("SELECT sum(cost_usd) AS usd FROM usage")
    return Decimal(row["usd"])


async def corrected(warehouse: Warehouse, revision: int) -> None:
    async def there() -> bool:
        return await count(warehouse, "usage", f"revision = {revision}") == CALLS - 1

    await eventually(there, f"revision {revision}")


async def test_everything_a_call_used_is_in_the_table(sunk: Settings, warehouse: Warehouse) -> None:
    del sunk
    (row,) = await warehouse.rows("SELECT * FROM usage WHERE id = 'call-2'")
    told = {name: row[name] for name in Tokens.__struct_fields__}
    assert told == msgspec.structs.asdict(usage(2).usage)
    assert (row["batch"], row["revision"], row["cost_usd"]) == (True, 0, Decimal("0.0011"))


async def test_a_difference_is_told_and_nothing_changed(sunk: Settings, warehouse: Warehouse) -> None:
    recount = await count_again(sunk, prices("list-2", 2), START, FAR)
    assert recount.differences == {
        Place("small", "list-1"): Difference(19, 19, 0, 19 * Decimal("0.0011"), 19 * Decimal("0.0022")),
        Place("withdrawn", "list-1"): Difference(1, 0, 1, Decimal("0.0011"), Decimal("0.0011")),
    }
    assert await count(warehouse, "archive") == CALLS
    assert await spent(warehouse) == CALLS * Decimal("0.0011")


async def test_only_the_span_asked_for_is_counted(sunk: Settings) -> None:
    since, until = START + timedelta(minutes=5), START + timedelta(minutes=8)
    recount = await count_again(sunk, prices("list-2", 2), since, until)
    assert recount.total().calls == 3


async def test_corrections_replace_the_rows_and_the_archive_keeps_both(sunk: Settings, warehouse: Warehouse) -> None:
    (before,) = await warehouse.rows("SELECT * FROM usage WHERE id = 'call-3'")
    told = await count_again(sunk, prices("list-2", 2), START, FAR, apply_at=LATER)
    await corrected(warehouse, 1)
    assert await spent(warehouse) == told.total().after_usd
    assert await count(warehouse, "usage") == CALLS
    assert await count(warehouse, "archive") == 2 * CALLS - 1
    (after,) = await warehouse.rows("SELECT * FROM usage WHERE id = 'call-3'")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"cost_usd", "price_list", "revision", "offset"}
    assert (after["cost_usd"], after["price_list"]) == (Decimal("0.0022"), "list-2")

    again = await count_again(sunk, prices("list-2", 2), START, FAR, apply_at=LATER)
    assert again.total().changed == 0, "what was corrected is not corrected again"

    await count_again(sunk, prices("list-3", 1), START, FAR, apply_at=LATER)
    await corrected(warehouse, 2)
    assert await spent(warehouse) == CALLS * Decimal("0.0011")
    (third,) = await warehouse.rows("SELECT cost_usd, price_list FROM usage WHERE id = 'call-3'")
    assert third == {"cost_usd": Decimal("0.0011"), "price_list": "list-3"}


async def test_an_older_revision_that_comes_again_changes_nothing(sunk: Settings, warehouse: Warehouse) -> None:
    await count_again(sunk, prices("list-2", 2), START, FAR, apply_at=LATER)
    await corrected(warehouse, 1)
    await publish(sunk, USAGE, [event(usage(3)), event(usage(CALLS))])

    async def there() -> bool:
        return await count(warehouse, "usage") == CALLS + 1

    await eventually(there, "the call sent last")
    await warehouse.command("OPTIMIZE TABLE calls_store FINAL")
    (row,) = await warehouse.rows("SELECT price_list FROM usage WHERE id = 'call-3'")
    assert row["price_list"] == "list-2"


async def test_rows_of_an_older_release_are_corrected_too(clickhouse_server: str, tmp_path: Path) -> None:
    older = tmp_path / "migrations"
    older.mkdir()
    for file in sorted(FOLDER.glob("*.sql"))[:BEFORE_CORRECTIONS]:
        shutil.copy(file, older)
    async with fresh_database(clickhouse_server) as clickhouse, fresh_log(tmp_path / "log", clickhouse) as settings:
        await migrate(settings, older)
        async with Warehouse(clickhouse) as warehouse, running(settings):
            await publish(settings, USAGE, [event(usage(number)) for number in range(CALLS - 1)])

            async def there() -> bool:
                return await count(warehouse, "usage") == CALLS - 1

            await eventually(there, "calls in the older table")
            await migrate(settings)
            await count_again(settings, prices("list-2", 2), START, FAR, apply_at=LATER)
            await corrected(warehouse, 1)
            assert await spent(warehouse) == (CALLS - 1) * Decimal("0.0022")


async def test_replay_makes_the_same_rows(sunk: Settings, warehouse: Warehouse) -> None:
    await count_again(sunk, prices("list-2", 2), START, FAR, apply_at=LATER)
    await corrected(warehouse, 1)
    rebuilt = await replay(sunk, swap=True)
    assert all(table.identical for table in rebuilt.tables)
    assert await count(warehouse, "usage", "revision = 1") == CALLS - 1


REGISTRY = a_registry(
    a_model("big", price={"input": 10, "cached_input": 1, "cache_write": 12, "output": 30, "batch": 0.5}),
    a_model("small", price={"input": "0.1", "output": "0.4", "batch": 0.5}),
)


def results() -> list[ResultRecord]:
    """Return results of every kind of saving, in many combinations."""
    made = []
    for number in range(24):
        model = ("big", "small")[number % 2]
        tokens = Tokens(1000 + number, 100 * (number % 5), 200, 0, 50 * (number % 3))
        call = PaidCall(f"c{number}", model, "east", 1, tokens, 1.0, NOW, batch=number % 3 == 0)
        passenger = a_passenger(f"r{number}", tenant=TENANT, compressed_tokens=number % 4)
        completion = a_completion(passenger, answer=PARIS, calls=(call,))
        result = settle(msgspec.structs.replace(completion, answered_by=Target(model, "east")), REGISTRY, NOW + 2)
        assert result.result is not None
        made.append(result.result)
    return made


async def test_savings_by_cause_add_up_in_sql(settings: Settings, warehouse: Warehouse) -> None:
    made = results()
    async with running(settings):
        events = [
            cloud_event(RESULTS, one.id, one.tenant, one.completed_at, msgspec.json.encode(one)) for one in made
        ]
        await publish(settings, RESULTS, events)

        async def there() -> bool:
            return await count(warehouse, "results") == len(made)

        await eventually(there, "results in the table")
    wrong = await warehouse.rows("SELECT id FROM results WHERE baseline_cost_usd - cost_usd != saved_usd")
    assert wrong == []
    by_model = await warehouse.rows(
        "SELECT model, sum(baseline_cost_usd) - sum(cost_usd) AS saved, sum(saved_usd) AS told, "
        "sum(cache_write_tokens) AS written FROM results GROUP BY model ORDER BY model"
    )
    assert [row["saved"] for row in by_model] == [row["told"] for row in by_model]
    assert sum(row["written"] for row in by_model) == sum(one.usage.cache_write_tokens for one in made)
    causes = await warehouse.rows(
        "SELECT cause, sum(amount) AS saved FROM results "
        "ARRAY JOIN mapKeys(savings_usd) AS cause, mapValues(savings_usd) AS amount GROUP BY cause"
    )
    assert {row["cause"] for row in causes} == {"routing", "provider_cache", "batch_lane", "compression"}
    assert sum(row["saved"] for row in causes) == sum(row["saved"] for row in by_model)
