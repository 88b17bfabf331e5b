"""`asahi cache inspect`: which answers serve, whom they came from, and what each has saved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from agents.cache.commands.stats import PERIOD
from agents.governance.commands.log import read_registry
from agents.governance.commands.subjects import json_option, tenant_option
from agents.governance.registry import Registry
from schemas.settings import Settings
from streams.cli.acquaintance import check_known
from streams.cli.display import console, dollars, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.moments import Moment
from streams.cli.signals import run_to_end
from streams.warehouse.client import Row, Warehouse

SERVED = """
SELECT
    request_id, uses, other_words, saved_usd, last_used_at,
    made.model AS model, made.completed_at AS answered_at, made.cost_usd AS cost_usd
FROM
(
    SELECT
        cache_source_request_id AS request_id, count() AS uses, countIf(cache_tier = 'semantic') AS other_words,
        sum(saved_usd) AS saved_usd, max(completed_at) AS last_used_at
    FROM results
    WHERE tenant = {tenant:String} AND status = 'cached' AND completed_at >= {since:DateTime64(6, 'UTC')}
        AND ({id:String} = '' OR cache_source_request_id = {id:String} OR id = {id:String})
    GROUP BY cache_source_request_id
    ORDER BY saved_usd DESC, request_id
    LIMIT {most:UInt32}
) AS served
LEFT JOIN
(
    SELECT id, model, completed_at, cost_usd FROM results WHERE tenant = {tenant:String} AND status = 'completed'
) AS made ON made.id = served.request_id
ORDER BY saved_usd DESC, request_id
"""
SERVES, EXPIRED, EVICTED = "serves", "expired", "evicted"


@click.command()
@click.argument("request_id", metavar="[REQUEST_ID]", required=False, default="")
@tenant_option
@click.option("--since", type=Moment(), help="A moment or how long ago, such as 7d.  [default: 7d]")
@click.option("--most", type=click.IntRange(min=1), default=20, show_default=True, help="Answers to show.")
@json_option
@click.pass_obj
def inspect(
    invocation: Invocation, request_id: str, tenant: str, since: datetime | None, most: int, as_json: bool
) -> None:
    """Show the answers that served other requests, those that saved most first; with REQUEST_ID the one it got.

    State is what an answer's age and evictions say; a worker may have given it up for room before.
    """
    now = datetime.now(UTC)
    settings = invocation.attached()

    async def work() -> tuple[Registry, list[Row]]:
        return await read_registry(settings), await _served(settings, tenant, request_id, since or now - PERIOD, most)

    registry, rows = run_to_end(work())
    found = [{**row, "state": _state(row, registry, tenant, now)} for row in rows]
    if as_json:
        emit_json(found)
        return
    if not found:
        run_to_end(check_known(settings.clickhouse, tenant))
        console().print("no answer of the cache served anybody in this time; see --since and `asahi cache stats`")
        return
    table = plain_table("answer to", "model", "answered", "uses", "other words", "saved", "last used", "state")
    for row in found:
        table.add_row(
            row["request_id"],
            row["model"] or "",
            _moment(row["answered_at"]) if row["model"] else "",
            f"{row['uses']:,}",
            f"{row['other_words']:,}" if row["other_words"] else "",
            dollars(row["saved_usd"]),
            _moment(row["last_used_at"]),
            row["state"],
        )
    console().print(table)


async def _served(settings: Settings, tenant: str, request_id: str, since: datetime, most: int) -> list[Row]:
    async with Warehouse(settings.clickhouse) as warehouse:
        return await warehouse.rows(SERVED, {"tenant": tenant, "id": request_id, "since": since, "most": most})


def _state(row: Row, registry: Registry, tenant: str, now: datetime) -> str:
    answered: datetime = row["answered_at"].replace(tzinfo=UTC)
    if registry.evictions.covers(tenant, row["request_id"], row["model"], answered.timestamp()):
        return EVICTED
    fact = registry.get(tenant)
    lifetime = 0.0 if fact is None else fact.cache_ttl_seconds
    return SERVES if (now - answered).total_seconds() < lifetime else EXPIRED


def _moment(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
