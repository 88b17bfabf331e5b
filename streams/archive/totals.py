"""Whether money is the same wherever it is looked for: in the archive, in the views, and by minute, hour and day.

The archive is folded here, in Python, event by event, without any of the SQL that makes the tables.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from decimal import Context, Decimal

import msgspec

from streams.topics import RESULTS, USAGE
from streams.warehouse.client import Warehouse

EXACT = Context(prec=60)
"""Digits enough for sums of any length: a `Decimal`'s own 28 would round."""
NOTHING = Decimal(0)
EVENTS = """
SELECT ce_id, toUnixTimestamp64Milli(timestamp) AS at, ifNull(value, '') AS value FROM archive
WHERE topic = {topic:String} AND NOT mapContains(headers, 'asahi_set_aside')
"""
EVER = "1970-01-01 00:00:00"
LEVELS = ("by_minute", "by_hour", "by_day", "by_month", f"since(since = '{EVER}')")
OF_USAGE = "SELECT tenant, toUInt64({count}) AS events, sum(cost_usd) AS usd, sum({wasted}) AS part FROM {view}"
OF_RESULTS = "SELECT tenant, toUInt64({count}) AS events, sum(cost_usd) AS usd, sum({saved}) AS part FROM {view}"


@dataclass(frozen=True, slots=True)
class Total:
    """What an organization has come to.

    Attributes:
        events: Calls or results.
        usd: What they cost, US dollars.
        part: Of calls, what was paid for nothing; of results, what was saved; US dollars.
    """

    events: int
    usd: Decimal
    part: Decimal


Totals = dict[str, Total]
"""By organization."""


class _Usage(msgspec.Struct):
    id: str
    tenant: str
    cost_usd: str
    superseded: bool = False
    revision: int = 0


class _Result(msgspec.Struct):
    id: str
    tenant: str = ""
    cost_usd: str = "0"
    savings: dict[str, str | None] = {}


_usage = msgspec.json.Decoder(_Usage)
_result = msgspec.json.Decoder(_Result)


async def totals(warehouse: Warehouse) -> dict[str, Totals]:
    """Return the totals by organization, by where they were looked for.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing.
    """
    found = {"usage in the archive": await _usage_archived(warehouse)}
    found["usage in usage"] = await _asked(
        warehouse, OF_USAGE.format(count="count()", wasted="if(superseded, cost_usd, 0)", view="usage")
    )
    for level in LEVELS:
        sql = OF_USAGE.format(count="sum(calls)", wasted="superseded_usd", view=f"usage_{level}")
        found[f"usage in usage_{level}"] = await _asked(warehouse, sql)
    found["results in the archive"] = await _results_archived(warehouse)
    found["results in results"] = await _asked(
        warehouse, OF_RESULTS.format(count="count()", saved="saved_usd", view="results")
    )
    for level in LEVELS:
        sql = OF_RESULTS.format(
            count="sum(results)", saved="arraySum(mapValues(savings_usd))", view=f"results_{level}"
        )
        found[f"results in results_{level}"] = await _asked(warehouse, sql)
    return found


async def disagreements(warehouse: Warehouse) -> list[str]:
    """Return where a total is not what the archive says, to the last digit; nothing when all agree."""
    found = await totals(warehouse)
    return [
        f"{place}: {tenant or 'nobody'} has {told.get(tenant)}, not {right.get(tenant)}"
        for place, told in found.items()
        for right in [found[f"{place.partition(' ')[0]} in the archive"]]
        for tenant in sorted(right.keys() | told.keys())
        if right.get(tenant) != told.get(tenant)
    ]


async def _asked(warehouse: Warehouse, sql: str) -> Totals:
    rows = await warehouse.rows(f"{sql} GROUP BY tenant")
    return {row["tenant"]: Total(int(row["events"]), Decimal(row["usd"]), Decimal(row["part"])) for row in rows}


async def _usage_archived(warehouse: Warehouse) -> Totals:
    """Of the events about one call the highest revision holds, of the same revision the earliest."""
    newest: dict[tuple[str, str], tuple[tuple[int, int], _Usage]] = {}
    async for _, at, value in _events(warehouse, USAGE.name):
        call = _usage.decode(value)
        rank = (call.revision, -at)
        known = newest.get((call.tenant, call.id))
        if known is None or rank > known[0]:
            newest[call.tenant, call.id] = (rank, call)
    calls = (call for _, call in newest.values())
    return _added((call.tenant, call.cost_usd, call.cost_usd if call.superseded else "0") for call in calls)


async def _results_archived(warehouse: Warehouse) -> Totals:
    """Of the results of one request the earliest holds."""
    first: dict[tuple[str, str], tuple[int, _Result]] = {}
    async for event_id, at, value in _events(warehouse, RESULTS.name):
        result = _result.decode(value)
        known = first.get((result.tenant, event_id or result.id))
        if known is None or at < known[0]:
            first[result.tenant, event_id or result.id] = (at, result)
    return _added((one.tenant, one.cost_usd, _saved(one)) for _, one in first.values())


def _saved(result: _Result) -> str:
    saved = NOTHING
    for amount in result.savings.values():
        saved = EXACT.add(saved, Decimal(amount or 0))
    return format(saved, "f")


def _added(amounts: Iterable[tuple[str, str, str]]) -> Totals:
    sums: dict[str, tuple[int, Decimal, Decimal]] = {}
    for tenant, usd, part in amounts:
        count, all_usd, all_part = sums.get(tenant, (0, NOTHING, NOTHING))
        sums[tenant] = (count + 1, EXACT.add(all_usd, Decimal(usd)), EXACT.add(all_part, Decimal(part)))
    return {tenant: Total(*figures) for tenant, figures in sums.items()}


async def _events(warehouse: Warehouse, topic: str) -> AsyncIterator[tuple[str, int, bytes]]:
    async for block in warehouse.stream(EVENTS, {"topic": topic}):
        for event_id, at, value in block:
            yield event_id.decode(), int(at), value
