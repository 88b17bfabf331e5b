"""Series of usage by the hour and day, and of what budgets count, as ClickHouse has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from pydantic import TypeAdapter, ValidationError

from agents.analytics.forecasts.usage import LEARNT, SECONDS, Past, past_of
from schemas.anomaly import Metric
from schemas.forecast import Pace
from schemas.policy import Budget
from streams.warehouse.client import Row, Warehouse

HOURS_PER_DAY = 24
UP_MINUTES = 30
"""Minutes of an hour in which the system must have been up for its figures to say anything."""

SERIES = """
SELECT tenant, name, groupArray(step) AS steps, groupArray(usd) AS usd, groupArray(requests) AS requests
FROM
(
    SELECT
        tenant, {name} AS name, intDiv(toUnixTimestamp(completed_at), {{seconds:UInt32}}) AS step,
        toFloat64(sum(cost_usd)) AS usd, count() AS requests
    FROM results
    WHERE completed_at >= {{start:DateTime64(6, 'UTC')}} AND completed_at < {{end:DateTime64(6, 'UTC')}}
    GROUP BY tenant, name, step
)
WHERE {having}
GROUP BY tenant, name
ORDER BY arraySum(usd) DESC, arraySum(requests) DESC
LIMIT {{most:UInt32}}
"""
OF_ALL = SERIES.format(name="''", having="1")
OF_MODELS = SERIES.format(name="toString(model)", having="name != ''")

DOWN = """
SELECT intDiv(toUnixTimestamp(start), 3600) AS hour, countIf(up) AS minutes FROM minutes
WHERE start >= {start:DateTime64(6, 'UTC')} GROUP BY hour
"""
ACTIVE = """
SELECT DISTINCT intDiv(toUnixTimestamp(completed_at), 3600) AS hour FROM results_store
WHERE completed_at >= {start:DateTime64(6, 'UTC')}
"""
BUDGETS = """
SELECT tenant, kind, name, JSONExtractRaw(fact, 'budgets') AS budgets FROM registry
WHERE length(budgets) > 2 ORDER BY tenant, kind, name
"""
SPENT = """
SELECT intDiv(toUnixTimestamp(occurred_at), 3600) AS hour, sum(cost_usd) AS usd FROM spending
WHERE tenant = {tenant:String} AND occurred_at < {end:DateTime64(6, 'UTC')}
  AND multiIf({kind:String} = 'tenant', tenant, {kind:String} = 'team', team, {kind:String} = 'user', user, key_id)
      = {name:String}
GROUP BY hour ORDER BY hour
"""

_budgets = TypeAdapter(tuple[Budget, ...])


@dataclass(frozen=True, slots=True)
class Usage:
    """One series of an organization.

    Attributes:
        model: Of which model; None for all.
    """

    tenant: str
    metric: Metric
    model: str | None
    past: Past


@dataclass(frozen=True, slots=True)
class Scope:
    """Who has budgets."""

    tenant: str
    kind: str
    name: str
    budgets: tuple[Budget, ...]


async def down_hours(warehouse: Warehouse, last: int) -> frozenset[int]:
    """Return the hours since 1970, of those that are learnt from, of which nothing is known."""
    first = last + 1 - LEARNT[Pace.DAY] * HOURS_PER_DAY
    start = {"start": moment_of(first, Pace.HOUR)}
    known = {row["hour"] for row in await warehouse.rows(ACTIVE, start)}
    known.update(row["hour"] for row in await warehouse.rows(DOWN, start) if row["minutes"] >= UP_MINUTES)
    return frozenset(range(first, last + 1)) - known


def down_steps(hours: Collection[int], pace: Pace) -> frozenset[int]:
    """Return the steps of which nothing is known at all."""
    if pace is Pace.HOUR:
        return frozenset(hours)
    counts: dict[int, int] = {}
    for hour in hours:
        counts[hour // HOURS_PER_DAY] = counts.get(hour // HOURS_PER_DAY, 0) + 1
    return frozenset(day for day, count in counts.items() if count == HOURS_PER_DAY)


async def usage_series(warehouse: Warehouse, pace: Pace, last: int, down: frozenset[int], most: int) -> list[Usage]:
    """Return spend and requests of organizations, in all and by model, those that spend most first.

    Args:
        warehouse: Where results are.
        pace: The length of a step.
        last: The last step that is over, in steps since 1970.
        down: Steps of which nothing is known.
        most: Organizations, and models of organizations, at most.
    """
    parameters = {
        "seconds": SECONDS[pace],
        "start": moment_of(last + 1 - LEARNT[pace], pace),
        "end": moment_of(last + 1, pace),
        "most": most,
    }
    rows = [*await warehouse.rows(OF_ALL, parameters), *await warehouse.rows(OF_MODELS, parameters)]
    return [series for row in rows for series in _series_of(row, pace, last, down)]


def _series_of(row: Row, pace: Pace, last: int, down: frozenset[int]) -> Iterable[Usage]:
    for metric, column in ((Metric.SPEND, "usd"), (Metric.REQUESTS, "requests")):
        found = {step: float(value) for step, value in zip(row["steps"], row[column], strict=True)}
        past = past_of(found, pace, last, down)
        if past is not None:
            yield Usage(row["tenant"], metric, row["name"] or None, past)


async def budgeted(warehouse: Warehouse) -> list[Scope]:
    """Return who has budgets; what cannot be read is another release's."""
    found = []
    for row in await warehouse.rows(BUDGETS):
        try:
            budgets = _budgets.validate_json(row["budgets"])
        except ValidationError:
            continue
        found.append(Scope(row["tenant"], row["kind"], row["name"], budgets))
    return found


async def spent_by_hour(warehouse: Warehouse, scope: Scope, last: int) -> dict[int, Decimal]:
    """Return what counted against the budgets of a scope, by hour since 1970 up to `last`."""
    parameters = {
        "tenant": scope.tenant,
        "kind": scope.kind,
        "name": scope.name,
        "end": moment_of(last + 1, Pace.HOUR),
    }
    return {row["hour"]: row["usd"] for row in await warehouse.rows(SPENT, parameters)}


def moment_of(step: int, pace: Pace) -> datetime:
    """Return when a step since 1970 begins."""
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=step * SECONDS[pace])
