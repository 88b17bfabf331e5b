"""`asahi forecast`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from schemas.forecast import Pace
from schemas.settings import Settings
from streams.cli.acquaintance import check_known
from streams.cli.display import console, dollars, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.warehouse.client import Row, Warehouse

PERCENT = 100
LIMIT = 50

SERIES = """
SELECT
    tenant, metric, model, step, known_until, method, mase, naive_mase, coverage,
    arrayMap(point -> point.start, points) AS starts, arrayMap(point -> point.mean, points) AS mean,
    arrayMap(point -> point.lower, points) AS lower, arrayMap(point -> point.upper, points) AS upper
FROM forecasts_store FINAL
WHERE ({tenant:String} = '' OR tenant = {tenant:String}) AND step = {step:String}
ORDER BY known_until DESC
LIMIT 1 BY tenant, metric, model
"""
NEWEST = f"SELECT * FROM ({SERIES}) ORDER BY tenant, metric DESC, arraySum(mean) DESC LIMIT {{limit:UInt32}}"  # noqa: S608
BUDGETS = """
SELECT * FROM budget_forecasts
WHERE ({tenant:String} = '' OR tenant = {tenant:String}) AND (period_ends_at > now() OR period = 'total')
ORDER BY known_until DESC
LIMIT 1 BY tenant, scope, name, period, limit_usd
"""


@click.command()
@click.option("--tenant", help="Whose.")
@click.option("--step", type=click.Choice([pace.value for pace in Pace]), default=Pace.DAY.value, show_default=True)
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="Series at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs: all points.")
@click.pass_obj
def forecast(invocation: Invocation, tenant: str | None, step: str, limit: int, as_json: bool) -> None:
    """Show what organizations will probably spend and ask, and when their budgets will be used up."""
    parameters: dict[str, object] = {"tenant": tenant or "", "step": step, "limit": limit}
    series, budgets = run_to_end(look(invocation.attached(), parameters))
    if as_json:
        emit_json({"series": [_series(row) for row in series], "budgets": [_plain(row) for row in budgets]})
        return
    out = console()
    if not series and not budgets:
        out.print("no forecasts yet: the analyst makes them when an hour is over")
        return
    right = ("next", "at least", "at most", "in all", "MASE", "naive's", "in interval")
    table = plain_table("tenant", "what", "model", *right, "method", right=right)
    for row in series:
        amounts = [_amount(row["metric"], each) for each in (row["mean"][0], row["lower"][0], row["upper"][0])]
        whole = _amount(row["metric"], sum(row["mean"]))
        errors = [_number(row["mase"]), _number(row["naive_mase"]), _share(row["coverage"])]
        table.add_row(row["tenant"], row["metric"], row["model"] or "all", *amounts, whole, *errors, row["method"])
    out.print(table)
    if budgets:
        out.print()
        figures = ("limit", "spent", "expected", "used up")
        table = plain_table("budget", "period", *figures, "when", right=figures)
        for row in budgets:
            table.add_row(
                f"{row['tenant']} {row['scope']} {row['name']}",
                row["period"],
                dollars(row["limit_usd"]),
                dollars(row["spent_usd"]),
                _amount("spend", row["expected_usd"]),
                _share(row["probability"]),
                _when(row),
            )
        out.print(table)


async def look(settings: Settings, parameters: dict[str, object]) -> tuple[list[Row], list[Row]]:
    """Return the newest forecast of each series, and of each budget."""
    async with Warehouse(settings.clickhouse) as warehouse:
        found = await warehouse.rows(NEWEST, parameters), await warehouse.rows(BUDGETS, parameters)
    if not any(found):
        await check_known(settings.clickhouse, str(parameters["tenant"]))
    return found


def _series(row: Row) -> dict[str, Any]:
    points = zip(row["starts"], row["mean"], row["lower"], row["upper"], strict=True)
    names = ("tenant", "metric", "model", "step", "method", "mase", "naive_mase", "coverage")
    return {name: row[name] for name in names} | {
        "known_until": row["known_until"].isoformat(),
        "points": [
            {"start": start.isoformat(), "mean": mean, "lower": lower, "upper": upper}
            for start, mean, lower, upper in points
        ],
    }


def _plain(row: Row) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def _amount(metric: str, value: float) -> str:
    return f"${value:,.4g}" if metric == "spend" else f"{value:,.4g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{PERCENT * value:.0f} %"


def _when(row: Row) -> str:
    if row["exhausted_at"] is not None:
        return f"{row['exhausted_at']:%Y-%m-%d %H:%M} UTC"
    if row["earliest_at"] is not None:
        return f"perhaps from {row['earliest_at']:%Y-%m-%d %H:%M} UTC on"
    return "lasts"
