"""Taking out what is due, and telling what it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agents.governance.retention.rules import Rules
from agents.governance.retention.statements import Look, Statements
from schemas.errors import WarehouseError
from schemas.settings import ClickHouseSettings
from schemas.wire import AuditRecord
from streams.audits import access_audit
from streams.topics import DEADLETTER, FEEDBACK, REQUESTS, RESULTS
from streams.warehouse.client import Row, Warehouse

ACTION = "content_removed"
RETENTION = "policy.retention_days"
SYSTEM = "retention"
"""Who acts when the time has come."""
PATIENCE_SECONDS = 86_400.0
"""Longest time that one partition may take."""
KINDS = {
    REQUESTS.name: "requests",
    RESULTS.name: "results",
    DEADLETTER.name: "dead_letters",
    FEEDBACK.name: "comments",
}
NAMELESS = ""
"""Stands for the tenant of what names none."""

PLACES_AT_A_TIME = 10_000
"""Dead letters of bugs named in one mutation."""
STATEMENT_SETTINGS = {"max_query_size": 64 * 1024 * 1024, "max_ast_elements": 1_000_000}
"""Names of users and keys stand in the statements."""
READ_SETTINGS = {**STATEMENT_SETTINGS, "max_block_size": 2_048}  # wide rows, taken apart
MUTATION_SETTINGS = {**STATEMENT_SETTINGS, "mutations_sync": 1}

NEWEST_LOOK = "SELECT rules, began_at FROM retention_passes ORDER BY began_at DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Due:
    """What of one tenant is due, or was removed.

    Attributes:
        tenant: Whose; empty for what names nobody.
        days: The fewest that hold for anybody in it; None for what names nobody.
        events: How many requests, results, dead letters and comments.
        bytes: Of content and what it stands in.
    """

    tenant: str
    days: int | None
    events: Mapping[str, int]
    bytes: int


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """One pass over the archive.

    Attributes:
        tenants: With something due, by name.
        partitions: Of the archive, that were rewritten or would be.
        removed: Whether it was taken out, rather than only counted.
        at: What ages counted to.
    """

    tenants: tuple[Due, ...]
    partitions: tuple[str, ...]
    removed: bool
    at: datetime


def patient(settings: ClickHouseSettings) -> ClickHouseSettings:
    """Return settings under which a mutation is waited for."""
    return settings.model_copy(update={"timeout_seconds": PATIENCE_SECONDS})


async def last_pass(warehouse: Warehouse, rules: Rules) -> datetime | None:
    """Return until when the archive was looked at, if that was under these rules; None means: look at all of it."""
    for newest in await warehouse.rows(NEWEST_LOOK):
        began: datetime = newest["began_at"]
        if newest["rules"] == rules.digest:
            return began.replace(tzinfo=UTC)
    return None


async def look(warehouse: Warehouse, rules: Rules, at: Look) -> RetentionReport:
    """Count what is due; nothing is changed.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing or not those of this release.
    """
    if not rules:
        return RetentionReport((), (), removed=False, at=at.now)
    rows = await warehouse.rows(Statements(rules, at).survey(), settings=READ_SETTINGS)
    partitions = sorted({row["partition"] for row in rows})
    return RetentionReport(_by_tenant(rows, rules), tuple(partitions), removed=False, at=at.now)


async def remove(warehouse: Warehouse, rules: Rules, at: Look, found: RetentionReport) -> RetentionReport:
    """Take out what a look found. Killed at any moment it can be run again; several at once do the work of one.

    Raises:
        WarehouseUnavailable: ClickHouse went away.
        WarehouseError: It refuses; what it refused is not tried again by itself.
    """
    if rules:
        statements = Statements(rules, at)
        await _remove_quotes(warehouse, statements)
        for partition in found.partitions:
            await _mutate(warehouse, "archive_store", statements.removal(partition))
        await warehouse.command(
            "INSERT INTO retention_passes (rules, began_at) VALUES ({rules:String}, {at:DateTime64(3, 'UTC')})",
            {"rules": rules.digest, "at": at.now},
        )
    return RetentionReport(found.tenants, found.partitions, removed=True, at=found.at)


async def _remove_quotes(warehouse: Warehouse, statements: Statements) -> None:
    """Take out of the tables what quotes content: before the events they are made of, which say that it is due."""
    for table, (condition, values) in statements.tables().items():
        quoting = f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1"  # noqa: S608 - names of our own tables
        if await warehouse.rows(quoting, settings=READ_SETTINGS):
            await _mutate(warehouse, table, f"ALTER TABLE {table} UPDATE {values} WHERE {condition}")
    rows = await warehouse.rows(statements.tracebacks(), settings=READ_SETTINGS)
    places = [f"('{row['cluster']}', {row['partition']}, {row['offset']})" for row in rows]
    for start in range(0, len(places), PLACES_AT_A_TIME):
        some = ", ".join(places[start : start + PLACES_AT_A_TIME])
        condition = f"traceback != '' AND (cluster, partition, offset) IN ({some})"
        await _mutate(
            warehouse, "dead_letters_store", f"ALTER TABLE dead_letters_store UPDATE traceback = '' WHERE {condition}"
        )


async def _mutate(warehouse: Warehouse, table: str, command: str) -> None:
    try:
        await warehouse.command(command, settings=MUTATION_SETTINGS)
    except WarehouseError:
        # A mutation that fails is tried for ever, and no other comes before it: the next pass begins it anew.
        await warehouse.command(
            "KILL MUTATION WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done"
            " AND latest_fail_reason != ''",
            {"table": table},
        )
        raise


def audits(found: RetentionReport, actor: str | None, reason: str | None) -> list[AuditRecord]:
    """Return the record for each tenant of what is about to be removed.

    Args:
        found: What is due.
        actor: Who removes it; None means whoever runs this process.
        reason: Why, besides the policy.
    """
    why = RETENTION if reason is None else f"{RETENTION}: {reason}"
    return [
        access_audit(
            ACTION,
            one.tenant or "content that names no tenant",
            tenant=one.tenant or None,
            reason=f"{why} ({told(one)})",
            actor=actor,
            at=found.at,
        )
        for one in found.tenants
    ]


def told(one: Due) -> str:
    """Return what is due of a tenant, in words."""
    counts = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in one.events.items() if count)
    return counts if one.days is None else f"{counts} after {one.days} days or more"


def document(report: RetentionReport) -> dict[str, Any]:
    """Return a report for programs."""
    return {
        "at": report.at.isoformat(),
        "removed": report.removed,
        "partitions": list(report.partitions),
        "tenants": [
            {"tenant": one.tenant or None, "days": one.days, **one.events, "bytes": one.bytes}
            for one in report.tenants
        ],
    }


def _by_tenant(rows: Sequence[Row], rules: Rules) -> tuple[Due, ...]:
    found: dict[str, dict[str, int]] = {}
    sizes: dict[str, int] = {}
    for row in rows:
        counts = found.setdefault(row["tenant"], dict.fromkeys(KINDS.values(), 0))
        counts[KINDS[row["topic"]]] += row["events"]
        sizes[row["tenant"]] = sizes.get(row["tenant"], 0) + row["bytes"]
    fewest = rules.fewest()
    return tuple(Due(tenant, fewest.get(tenant), found[tenant], sizes[tenant]) for tenant in sorted(found))


def total(reports: Iterable[Due]) -> int:
    """Return how many events are due."""
    return sum(sum(one.events.values()) for one in reports)
