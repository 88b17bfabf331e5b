"""What budgets had counted on earlier logs, for a log that begins anew: a fold over the archive's usage in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from schemas.balances import Balance, Balances, Spent
from schemas.policy import Period
from schemas.settings import KafkaSettings
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.tail import read_tail
from streams.tenancy.spending import note_key
from streams.topics import BALANCES
from streams.warehouse.client import Warehouse

SPENT = """
SELECT
    tenant, scope.1 AS kind, scope.2 AS name, span.1 AS period, toUnixTimestamp(span.2) AS start,
    toString(sum(cost_usd)) AS usd
FROM
(
    SELECT tenant, team, user, key_id, occurred_at, cost_usd FROM spending WHERE cluster != {current:String}
)
ARRAY JOIN
    [('tenant', tenant), ('team', toString(team)), ('user', user), ('key', toString(key_id))] AS scope
ARRAY JOIN
    [('hour', toStartOfHour(occurred_at)), ('day', toDateTime(toStartOfDay(occurred_at), 'UTC')),
     ('month', toDateTime(toStartOfMonth(occurred_at), 'UTC')), ('total', toDateTime(0, 'UTC'))] AS span
WHERE kind = 'tenant' OR (tenant, kind, name) IN (SELECT tenant, kind, name FROM registry)
GROUP BY tenant, kind, name, period, start
ORDER BY tenant, kind, name, period, start DESC
LIMIT 2 BY tenant, kind, name, period
"""
"""By scope and by the newest periods; `current` is the log there is now, whose usage is folded from itself.

Anybody may make up users, and a note holds all scopes of its organization: so of those below it only the registered
ones are among them, which are as many as somebody has registered. No other can have a budget.
"""


async def restore_spending(
    kafka: KafkaSettings, warehouse: Warehouse, outbox: Outbox, current: str, now: float
) -> int:
    """Note on a new log what was spent on earlier ones; return of how many organizations.

    An organization that has a note already is left alone.

    Args:
        kafka: How the new log is reached.
        warehouse: Where the archive is.
        outbox: Sends to the new log.
        current: The id of the new log.
        now: Unix seconds.
    """
    there = await _noted(kafka)
    notes: dict[int, list[Publication]] = {}
    for tenant, balances in _by_tenant(await warehouse.rows(SPENT, {"current": current})).items():
        key = note_key(tenant)
        if key not in there:
            value = msgspec.json.encode(Balances(0, now, tenant, [], balances))
            partition = home_partition(tenant, BALANCES.partitions(kafka))
            notes.setdefault(partition, []).append(Publication(value, key))
    for partition, publications in notes.items():
        await outbox.publish(BALANCES.name, partition, publications)
    return sum(len(publications) for publications in notes.values())


async def _noted(kafka: KafkaSettings) -> set[bytes]:
    starts = {(BALANCES.name, partition): 0 for partition in range(BALANCES.partitions(kafka))}
    return {record.key async for records in read_tail(kafka, starts) for record in records if record.key is not None}


def _by_tenant(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Balance]]:
    scopes: dict[tuple[str, str, str], list[Spent]] = {}
    for row in rows:
        spent = Spent(Period(row["period"]), int(row["start"]), Decimal(row["usd"]))
        scopes.setdefault((row["tenant"], row["kind"], row["name"]), []).append(spent)
    found: dict[str, list[Balance]] = {}
    for (tenant, kind, name), spent_in in scopes.items():
        found.setdefault(tenant, []).append(Balance(kind, name, spent_in))
    return found
