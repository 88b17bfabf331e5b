"""Content goes when its time is over, for good; facts, sums and everybody else's content stay."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from agents.governance.retention.removal import RetentionReport, last_pass, look, remove
from agents.governance.retention.rules import Rules, rules_of
from agents.governance.retention.statements import Look
from schemas.settings import Settings
from streams.archive import replay
from streams.topics import REQUESTS, RESULTS
from streams.warehouse.client import Warehouse
from tests.integration.retention.written import (
    GONE,
    LIMITED,
    NOW,
    OPEN,
    SAYINGS,
    STRICT,
    THERE,
    Archive,
    answered,
    body,
    registry,
    sent,
)

RULES = rules_of(registry())
SUMS = {
    "results": "count(), sum(cost_usd), sum(input_tokens), sum(output_bytes), sum(latency_ms), groupArray(lane)",
    "usage": "count(), sum(cost_usd), sum(output_tokens)",
    "spending": "count(), sum(cost_usd)",
    "requests": "count(), sum(body_bytes), sum(messages), groupArray(tags)",
    "dead_letters": "count(), sum(size)",
    "feedback": "count(), sum(grade)",
    "audit": "count(), groupArray(reason)",
    "archive": "count(), groupArray((topic, offset, timestamp, key, ce_id))",
}


async def retained(warehouse: Warehouse, rules: Rules = RULES, at: Look | None = None) -> RetentionReport:
    at = at or Look(NOW)
    return await remove(warehouse, rules, at, await look(warehouse, rules, at))


async def sums(warehouse: Warehouse) -> dict[str, Any]:
    order = {"archive": "ORDER BY topic, offset", "usage": "", "spending": ""}
    return {
        name: await warehouse.rows(f"SELECT {said} FROM (SELECT * FROM {name} {order.get(name, 'ORDER BY id')})")
        for name, said in SUMS.items()
    }


async def texts(warehouse: Warehouse) -> str:
    """Return all text there is in the tables, dead letters unpacked."""
    found: list[bytes] = []
    for table, column in (
        *(("archive_store", "value"), ("results_store", "error_message"), ("feedback_store", "comment")),
        ("dead_letters_store", "traceback"),
    ):
        async for block in warehouse.stream(f"SELECT {column} FROM {table}"):
            found += [value for (value,) in block if value is not None]
    for value in list(found):
        if b"value_base64" in value:
            found.append(b64decode(msgspec.json.decode(value)["value_base64"]))
    return b"\n".join(found).decode(errors="replace")


def said_of(text: str, names: tuple[str, ...]) -> set[str]:
    return {name for name in names for saying in SAYINGS if f"{saying} {name}" in text}


async def test_what_is_too_old_goes_and_everything_else_stays(
    settings: Settings, warehouse: Warehouse, archive: Archive
) -> None:
    before, text = await sums(warehouse), await texts(warehouse)
    assert (said_of(text, GONE), said_of(text, THERE)) == (set(GONE), set(THERE))

    report = await retained(warehouse)

    text = await texts(warehouse)
    assert said_of(text, GONE) == set()
    assert said_of(text, THERE) == set(THERE)
    assert "halt-odd" not in text
    assert "quoted of 1" not in text
    assert "quoted of 2" in text
    assert await sums(warehouse) == before
    found = {one.tenant: one for one in report.tenants}
    assert set(found) == {LIMITED, OPEN, STRICT, "", "lane/3"}
    assert found[LIMITED].events == {"requests": 9, "results": 7, "dead_letters": 2, "comments": 3}
    assert (found[LIMITED].days, found[OPEN].days, found[STRICT].days) == (3, 4, 1)
    replayed = await replay(settings, swap=True)
    assert all(table.identical for table in replayed.tables), replayed
    assert await sums(warehouse) == before


async def test_running_again_does_nothing_more(warehouse: Warehouse, archive: Archive) -> None:
    await retained(warehouse)
    mutations = await count_mutations(warehouse)
    again = await retained(warehouse)
    assert (again.tenants, again.partitions) == ((), ())
    assert await count_mutations(warehouse) == mutations


async def count_mutations(warehouse: Warehouse) -> int:
    (row,) = await warehouse.rows("SELECT count() AS found FROM system.mutations WHERE database = currentDatabase()")
    return int(row["found"])


async def test_a_look_changes_nothing_and_finds_what_is_removed_after_it(
    warehouse: Warehouse, archive: Archive
) -> None:
    before = await texts(warehouse)
    found = await look(warehouse, RULES, Look(NOW))
    assert await texts(warehouse) == before
    assert not found.removed
    assert (await retained(warehouse)).tenants == found.tenants


async def test_two_at_once_do_the_work_of_one(settings: Settings, warehouse: Warehouse, archive: Archive) -> None:
    before = await sums(warehouse)
    async with Warehouse(settings.clickhouse) as other:
        await asyncio.gather(retained(warehouse), retained(other))
    assert said_of(await texts(warehouse), GONE) == set()
    assert await sums(warehouse) == before
    assert all(table.identical for table in (await replay(settings, swap=False)).tables)


async def test_without_rules_nobody_looks(warehouse: Warehouse) -> None:
    await warehouse.command("RENAME TABLE archive_store TO elsewhere")
    assert (await retained(warehouse, Rules())).tenants == ()


async def test_the_next_look_begins_where_the_last_one_ended_unless_the_rules_changed(
    warehouse: Warehouse, archive: Archive
) -> None:
    assert await last_pass(warehouse, RULES) is None
    await retained(warehouse)
    since = await last_pass(warehouse, RULES)
    assert since == NOW
    later = NOW + timedelta(hours=7)
    late = [(sent(body("late-old", LIMITED), tenant=LIMITED), 40.0)]
    await archive.write(REQUESTS, late)
    await archive.write(RESULTS, [(answered("late-old", LIMITED, 40.0), 40.0)])
    whole, part = [await look(warehouse, RULES, Look(later, begin)) for begin in (None, since)]
    assert whole.tenants == part.tenants
    assert {one.tenant for one in part.tenants} == {LIMITED}
    changed = registry()
    changed.register(next(iter(changed)).model_copy(update={"policy": changed.get(STRICT).policy}))  # type: ignore[union-attr]
    assert await last_pass(warehouse, rules_of(changed)) is None


@pytest.mark.parametrize("hours", [23.9, 24.1])
async def test_to_the_hour(warehouse: Warehouse, hours: float) -> None:
    archive = Archive(warehouse)
    await archive.write(REQUESTS, [(sent(body("one", STRICT), tenant=STRICT), hours / 24)])
    assert bool((await look(warehouse, RULES, Look(NOW))).tenants) == (hours > 24)
