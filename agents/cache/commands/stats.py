"""`asahi cache stats`: what the cache saved, and what it answered wrongly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from schemas.feedback import RIGHT
from schemas.settings import Settings
from streams.cli.acquaintance import check_known
from streams.cli.display import console, dollars, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.moments import Moment
from streams.cli.signals import run_to_end
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
        tenant, id, cache_tier, saved_usd - savings_usd['cache_intermediate'] AS saved, cache_age_seconds AS age,
        cache_probability AS probability
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
STEPS = """
SELECT sum(steps) AS taken, sum(steps_reused) AS reused, sum(savings_usd['cache_intermediate']) AS saved_usd
FROM results
WHERE completed_at >= {since:DateTime64(6, 'UTC')} AND ({tenant:String} = '' OR tenant = {tenant:String})
    AND status IN ('completed', 'cached')
"""
STEPS_TIER = "intermediate"
CALLED = "called"
"""What people read for requests that no tier answered."""


@click.command()
@click.option("--tenant", default="", help="Of one tenant only.")
@click.option("--since", type=Moment(), help="A moment or how long ago, such as 7d.  [default: 7d]")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def stats(invocation: Invocation, tenant: str, since: datetime | None, as_json: bool) -> None:
    """Show how many requests each tier answered, what that saved, and how many answers were graded wrong.

    Of steps that requests declare it shows how many were taken, how many of them reused, and what that saved.
    """
    rows, steps = run_to_end(read_stats(invocation.attached(), tenant, since or datetime.now(UTC) - PERIOD))
    if as_json:
        told: list[Row] = [{**row, "tier": row["tier"] or CALLED} for row in rows]
        emit_json([*told, {"tier": STEPS_TIER, **steps}] if steps["taken"] else told)
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
    if steps["taken"]:
        saved = dollars(steps["saved_usd"])
        console().print(f"steps: {steps['taken']:,} taken, {steps['reused']:,} of them reused, {saved} saved")


async def read_stats(settings: Settings, tenant: str, since: datetime) -> tuple[list[Row], Row]:
    """Return what each tier came to since then, and what steps did; of one tenant, or of all where it is empty."""
    asked = {"tenant": tenant, "since": since}
    async with Warehouse(settings.clickhouse) as warehouse:
        tiers = await warehouse.rows(STATS, {**asked, "right": RIGHT})
        return tiers, (await warehouse.rows(STEPS, asked))[0]


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
