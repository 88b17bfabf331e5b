"""`asahi cache`: what the cache saved, and what it answered wrongly."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from schemas.cache_hit import SEMANTIC
from schemas.errors import ConfigurationError
from schemas.feedback import RIGHT, Feedback
from schemas.settings import Settings
from streams.cli.acquaintance import check_known
from streams.cli.display import console, dollars, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.moments import Moment
from streams.cli.signals import run_to_end
from streams.envelope import cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import FEEDBACK
from streams.warehouse.client import Row, Warehouse

PERIOD = timedelta(days=7)
STATS = """
SELECT
    cache_tier AS tier, count() AS requests, sum(saved) AS saved_usd, avg(age) AS mean_age_seconds,
    avg(probability) AS mean_probability,
    countIf(worst IS NOT NULL) AS graded, countIf(worst < {right:Float64}) AS wrong
FROM
(
    SELECT
        tenant, id, cache_tier, saved_usd AS saved, cache_age_seconds AS age, cache_probability AS probability
    FROM results
    WHERE completed_at >= {since:DateTime64(6, 'UTC')} AND ({tenant:String} = '' OR tenant = {tenant:String})
        AND status IN ('completed', 'cached')
) AS served
LEFT JOIN
(
    SELECT tenant, request_id, toNullable(min(grade)) AS worst FROM feedback GROUP BY tenant, request_id
) AS grades ON grades.tenant = served.tenant AND grades.request_id = served.id
GROUP BY tier ORDER BY requests DESC
"""
SERVED = "SELECT cache_tier FROM results WHERE id = {id:String} AND tenant = {tenant:String} LIMIT 1"
CALLED = "called"
"""What people read for requests that no tier answered."""


@click.group()
def cache() -> None:
    """Show what the cache saved, and reject what it answered wrongly."""


@cache.command()
@click.option("--tenant", default="", help="Of one tenant only.")
@click.option("--since", type=Moment(), help="A moment or how long ago, such as 7d.  [default: 7d]")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def stats(invocation: Invocation, tenant: str, since: datetime | None, as_json: bool) -> None:
    """Show how many requests each tier answered, what that saved, and how many answers were graded wrong."""
    rows = run_to_end(_stats(invocation.attached(), tenant, since or datetime.now(UTC) - PERIOD))
    if as_json:
        emit_json([{**row, "tier": row["tier"] or CALLED} for row in rows])
        return
    total = sum(row["requests"] for row in rows)
    if not total:
        run_to_end(check_known(invocation.attached().clickhouse, tenant))
        console().print("no answers in this time; see --since")
        return
    table = plain_table("answered by", "requests", "share", "saved", "mean age", "sure", "graded", "wrong")
    for row in rows:
        table.add_row(*_said(row, total))
    console().print(table)


@cache.command()
@click.argument("request_id", metavar="REQUEST_ID")
@click.option("--tenant", required=True, help="Whose request.")
@click.option("--reason", help="Why; goes with the grade.")
@click.pass_obj
def reject(invocation: Invocation, request_id: str, tenant: str, reason: str | None) -> None:
    """Say that the answer which REQUEST_ID got from another question was wrong: it serves nobody else."""
    run_to_end(_reject(invocation.attached(), tenant, request_id, reason))
    console().print(f"the answer that {request_id} got serves no other question any more")


async def _stats(settings: Settings, tenant: str, since: datetime) -> list[Row]:
    async with Warehouse(settings.clickhouse) as warehouse:
        return await warehouse.rows(STATS, {"tenant": tenant, "since": since, "right": RIGHT})


def _said(row: Row, total: int) -> tuple[str, ...]:
    def number(value: Any, form: str) -> str:
        return "" if value is None else format(value, form)

    tier = row["tier"]
    return (
        tier or CALLED,
        f"{row['requests']:,}",
        f"{row['requests'] / total:.1%}",
        dollars(row["saved_usd"]) if tier else "",
        f"{row['mean_age_seconds']:,.0f} s" if tier and row["mean_age_seconds"] is not None else "",
        number(row["mean_probability"], ".3f"),
        f"{row['graded']:,}" if row["graded"] else "",
        f"{row['wrong']:,}" if row["graded"] else "",
    )


async def _reject(settings: Settings, tenant: str, request_id: str, reason: str | None) -> None:
    """Grade an answer 0.

    Raises:
        ConfigurationError: There is no such result, or its answer is not that of another question.
    """
    async with Warehouse(settings.clickhouse) as warehouse:
        rows = await warehouse.rows(SERVED, {"id": request_id, "tenant": tenant})
    if not rows:
        raise ConfigurationError(f"there is no result of request {request_id!r} of {tenant}; see `asahi status`")
    tier = rows[0]["cache_tier"]
    if tier != SEMANTIC:
        raise ConfigurationError(
            f"request {request_id!r} of {tenant} did not get the answer to another question; to have it answered "
            "anew, send it under a new id with cache.directive refresh"
        )
    at = datetime.now(UTC)
    grade = Feedback(
        id=f"reject-{uuid.uuid4().hex}",
        request_id=request_id,
        tenant=tenant,
        grade=0.0,
        source="operator",
        comment=reason,
        occurred_at=at,
    )
    value = grade.model_dump_json(exclude_none=True).encode()
    partition = home_partition(tenant, settings.kafka.partitions)
    async with Outbox(settings.kafka) as outbox:
        await outbox.publish(FEEDBACK.name, partition, [cloud_event(FEEDBACK, grade.id, tenant, at, value)])
