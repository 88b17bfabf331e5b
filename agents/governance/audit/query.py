"""Looking up audit records in ClickHouse."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

COLUMNS = "occurred_at, tenant, actor, action, subject, outcome, reason, id, cluster, partition, offset"
FILTERS = ("tenant", "actor", "action", "subject", "outcome")


class Query(NamedTuple):
    """A statement with its parameters."""

    sql: str
    parameters: dict[str, object]


def audit_query(
    equal: Iterable[tuple[str, str]], since: datetime | None, until: datetime | None, limit: int
) -> Query:
    """Return the query for records that meet all conditions, newest first.

    Args:
        equal: Pairs of one of `FILTERS` and what it must be; `*` stands for any text.
        since: The earliest time.
        until: The time before which.
        limit: So many records at most.
    """
    conditions, parameters = ["1"], dict[str, object](rows=limit)
    for name, wanted in equal:
        assert name in FILTERS, name
        operator = "LIKE" if "*" in wanted else "="
        conditions.append(f"{name} {operator} {{{name}:String}}")
        parameters[name] = _pattern(wanted) if "*" in wanted else wanted
    for name, bound, operator in (("since", since, ">="), ("until", until, "<")):
        if bound is not None:
            conditions.append(f"occurred_at {operator} {{{name}:DateTime64(6, 'UTC')}}")
            parameters[name] = bound
    where = " AND ".join(conditions)
    sql = f"SELECT {COLUMNS} FROM audit WHERE {where} ORDER BY occurred_at DESC, id LIMIT {{rows:UInt64}}"  # noqa: S608 - names and placeholders
    return Query(sql, parameters)


def _pattern(wanted: str) -> str:
    """Return a pattern for LIKE, in which only `*` has a meaning."""
    literal = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return literal.replace("*", "%")
