"""Looking for what moved a series: its figures by user, model, kind of task, error and tag, now and before."""

from __future__ import annotations

from datetime import datetime, timedelta

from agents.analytics.anomalies.contributions import ERROR, MODEL, Slice, Table, contributions
from agents.analytics.anomalies.figures import Figures
from agents.analytics.anomalies.watch import MINUTE
from agents.analytics.live.minutes import SUMS, figures_of
from schemas.anomaly import Contribution, Metric
from streams.warehouse.client import Warehouse

BEFORE = timedelta(hours=1)
ALL = "all"
VALUES = 300
"""Of a dimension that are looked at, those with most requests and dollars: tags may hold anything."""

BY_SLICE = f"""
SELECT now, slice.1 AS dimension, slice.2 AS value, {SUMS}
FROM
(
    SELECT *, completed_at >= {{start:DateTime64(6, 'UTC')}} AS now
    FROM results_store
    WHERE tenant = {{tenant:String}} AND completed_at >= {{before:DateTime64(6, 'UTC')}}
      AND completed_at < {{end:DateTime64(6, 'UTC')}}
    LIMIT 1 BY event_key
)
ARRAY JOIN arrayConcat(
    [('{ALL}', ''), ('user', user), ('{MODEL}', toString(model)), ('task_type', toString(task_type)),
     ('{ERROR}', toString(error_code))],
    arrayMap((name, value) -> (concat('tag:', name), value), mapKeys(tags), mapValues(tags))) AS slice
GROUP BY now, dimension, value
ORDER BY usd DESC, requests DESC
LIMIT {VALUES} BY now, dimension
"""  # noqa: S608 - put together from constants only


async def find_causes(
    warehouse: Warehouse, tenant: str, metric: Metric, start: datetime, end: datetime
) -> tuple[Contribution, ...]:
    """Return what accounts for the change of a metric between two moments, against the hour before.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: It refuses.
    """
    parameters = {"tenant": tenant, "before": start - BEFORE, "start": start, "end": end}
    before: dict[Slice, Figures] = {}
    now: dict[Slice, Figures] = {}
    for row in await warehouse.rows(BY_SLICE, parameters):
        (now if row["now"] else before)[Slice(row["dimension"], row["value"])] = figures_of(row)
    whole = Slice(ALL, "")
    return contributions(
        metric,
        Table(BEFORE.total_seconds() / MINUTE, before.pop(whole, Figures()), before),
        Table((end - start).total_seconds() / MINUTE, now.pop(whole, Figures()), now),
    )
