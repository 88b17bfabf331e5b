"""What ClickHouse says about everything so far: the figures of `status` and of the demo.

The questions are the dashboards' own SQL files, read as data: what the command line says is what the dashboards show.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

from schemas.settings import ClickHouseSettings
from streams.cli.display import dollars, saved_share
from streams.warehouse.client import Row, Warehouse

QUESTIONS = (
    "results_by_status",
    "cache",
    "models",
    "spend",
    "savings",
    "usage",
    "throughput",
    "latency",
    "dead_letters",
)
EVER = datetime(1970, 1, 1, tzinfo=UTC)

Totals = dict[str, list[Row]]
"""Rows by question."""


async def read_totals(clickhouse: ClickHouseSettings) -> Totals:
    """Ask all questions.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing.
    """
    folder = files("dashboards") / "sql"
    since = EVER.replace(tzinfo=None).isoformat(" ", "microseconds")
    async with Warehouse(clickhouse) as warehouse:
        asked = [warehouse.rows((folder / f"{name}.sql").read_text(), {"since": since}) for name in QUESTIONS]
        return dict(zip(QUESTIONS, await asyncio.gather(*asked), strict=True))


def by_status(totals: Totals) -> dict[str, int]:
    """Return the number of results by status."""
    return {row["status"]: int(row["results"]) for row in totals["results_by_status"]}


def spent(totals: Totals) -> tuple[Decimal, Decimal]:
    """Return what was spent, and what it would have been at the tenants' reference models."""
    (row,) = totals["spend"]
    return Decimal(row["spent_usd"] or 0), Decimal(row["baseline_usd"] or 0)


def paid(totals: Totals) -> Decimal:
    """Return what the calls cost that results came from."""
    (row,) = totals["usage"]
    return Decimal(row["spent_usd"]) - Decimal(row["wasted_usd"])


def sentences(totals: Totals) -> list[tuple[str, str]]:
    """Return the figures for people, each with its heading."""
    results = by_status(totals)
    if not results:
        return [("results", "none yet")]
    lines = [
        ("results", _list(results)),
        ("cache hits", _list({row["tier"]: row["hits"] for row in totals["cache"]}) or "none"),
        ("models", _list({row["model"]: row["answers"] for row in totals["models"]}) or "none"),
        ("spent", _money(totals)),
    ]
    (usage,) = totals["usage"]
    if usage["wasted_calls"]:
        lines.append(("wasted", f"{usage['wasted_calls']:,} calls made twice, {dollars(usage['wasted_usd'])}"))
    (speed,) = totals["throughput"]
    lines.append(("throughput", f"{speed['results_per_second']:,.0f}/s from the first request to the last result"))
    lines += [
        (f"latency {row['status']}", f"p50 {row['p50_ms']:,.0f} ms · p99 {row['p99_ms']:,.0f} ms")
        for row in totals["latency"]
    ]
    if totals["dead_letters"]:
        letters = sum(row["messages"] for row in totals["dead_letters"])
        lines.append(("dead letters", f"{letters:,}: see `asahi deadletter list`"))
    return lines


def _list(counts: dict[str, Any]) -> str:
    return " · ".join(f"{count:,} {name}" for name, count in counts.items())


def _money(totals: Totals) -> str:
    cost, baseline = spent(totals)
    if not baseline:
        return dollars(cost)
    causes = " · ".join(f"{row['cause']} {dollars(Decimal(row['saved_usd']))}" for row in totals["savings"])
    return f"{dollars(cost)} instead of {dollars(baseline)}, {saved_share(cost, baseline)} (saved by {causes})"
