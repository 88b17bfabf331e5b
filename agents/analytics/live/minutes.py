"""Figures by the minute, as ClickHouse has them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from agents.analytics.anomalies.figures import Figures
from agents.analytics.anomalies.watch import MINUTE
from streams.warehouse.client import Row, Warehouse

MINUTES_PER_DAY = 1_440
SUMS = """
    count() AS requests,
    toFloat64(sum(cost_usd)) AS usd,
    sum(input_tokens + output_tokens) AS tokens,
    countIf(status IN ('failed', 'expired', 'rejected')) AS failed,
    countIf(status = 'completed') AS called,
    sumIf(log(greatest(latency_ms, 0.1)), status = 'completed') AS log_ms,
    countIf(status = 'cached') AS hits,
    sumMapIf(map(toString(model), toUInt64(1)), model != '') AS models
"""
"""What is summed up over results, whatever they are grouped by; see `Figures`."""

BY_MINUTE = f"""
SELECT tenant, toUnixTimestamp(toStartOfMinute(completed_at)) AS began, {SUMS}
FROM
(
    SELECT * FROM results_store
    WHERE completed_at >= {{start:DateTime64(6, 'UTC')}} AND completed_at < {{end:DateTime64(6, 'UTC')}}
      AND (empty({{tenants:Array(String)}}) OR tenant IN {{tenants:Array(String)}})
    LIMIT 1 BY event_key
)
GROUP BY tenant, began
"""  # noqa: S608 - put together from constants only
"""Not through the view `results`: its FINAL reads every part of the month, this only those that have the minutes.
What was written twice is counted once here, too."""

ByMinute = dict[str, dict[int, Figures]]
"""Figures by organization and minute since 1970; a minute without any result is not there."""


async def figures_by_minute(
    warehouse: Warehouse, first: int, last: int, tenants: Collection[str] | None = None
) -> ByMinute:
    """Return the figures of minutes `first` to `last`, in minutes since 1970, of some organizations or of all.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing.
    """
    if tenants is not None and not tenants:
        return {}
    parameters = {"start": began(first), "end": began(last + 1), "tenants": sorted(tenants or ())}
    found: ByMinute = {}
    for row in await warehouse.rows(BY_MINUTE, parameters):
        found.setdefault(row["tenant"], {})[row["began"] // MINUTE] = figures_of(row)
    return found


def figures_of(row: Row | Mapping[str, Any]) -> Figures:
    """Return what `SUMS` found."""
    return Figures(
        row["requests"],
        row["usd"],
        row["tokens"],
        row["failed"],
        row["called"],
        row["log_ms"],
        row["hits"],
        row["models"],
    )


def began(minute: int) -> datetime:
    """Return when a minute since 1970 began."""
    return datetime.fromtimestamp(minute * MINUTE, UTC)
