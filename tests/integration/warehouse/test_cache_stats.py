"""What the cache is said to have saved."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from agents.cache.commands.stats import read_stats
from schemas.result import Status
from schemas.settings import Settings
from schemas.wire import BaselineRecord, HitRecord, ResultRecord, SavingsRecord, TakenRecord
from streams.envelope import Publication, cloud_event
from streams.topics import RESULTS
from streams.warehouse.client import Warehouse
from tests.integration.warehouse.databases import migrated_database
from tests.integration.warehouse.known import archived

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
CALLED, REUSED = TakenRecord("a", "call", "1"), TakenRecord("b", "exact", "0", "other")


def result(name: str, saved: SavingsRecord, steps: list[TakenRecord], hit: HitRecord | None = None) -> Publication:
    status = Status.COMPLETED if hit is None else Status.CACHED
    made = ResultRecord(
        name,
        status,
        "1",
        NOW,
        NOW,
        tenant="acme",
        cache=hit,
        baseline=BaselineRecord("big", "9"),
        savings=saved,
        steps=steps,
    )
    return cloud_event(RESULTS, name, "acme", NOW, msgspec.json.encode(made))


@pytest.mark.parametrize(("tenant", "taken"), [("", 3), ("acme", 3), ("zeta", 0)])
async def test_steps_are_told_apart_from_the_tiers_that_answer_requests(
    clickhouse_server: str, tenant: str, taken: int
) -> None:
    published = [
        result("r1", SavingsRecord(routing="8"), [CALLED]),
        result(
            "r2",
            SavingsRecord(cache_exact="5", cache_intermediate="4"),
            [REUSED, REUSED],
            HitRecord("exact", "r1", 1.0),
        ),
    ]
    async with migrated_database(clickhouse_server) as clickhouse:
        async with Warehouse(clickhouse) as warehouse:
            await archived(warehouse, RESULTS, published)
        tiers, steps = await read_stats(Settings(clickhouse=clickhouse), tenant, NOW)
    saved = {row["tier"]: row["saved_usd"] for row in tiers}
    assert saved == ({"": Decimal(8), "exact": Decimal(5)} if taken else {})
    assert steps == {"taken": taken, "reused": 2 if taken else 0, "saved_usd": Decimal(4 if taken else 0)}
