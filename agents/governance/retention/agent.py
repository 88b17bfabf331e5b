"""Doing it when the time has come: one sink of all, and only where some policy limits what is kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from agents.governance.registry import Registry
from agents.governance.retention.removal import (
    SYSTEM,
    RetentionReport,
    audits,
    last_pass,
    look,
    patient,
    remove,
    total,
)
from agents.governance.retention.rules import Rules, rules_of
from agents.governance.retention.statements import Look
from schemas.errors import AsahiError
from schemas.settings import KafkaSettings, Settings
from streams.audits import record
from streams.regularly import regularly
from streams.tail import read_tail
from streams.topics import GOVERNANCE
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

REST = 20
"""After a pass nothing is done for so many times as long: an archive too large for every hour has its turn later."""
MAX_ERROR_CHARS = 300


async def retain(
    settings: Settings, at: datetime, *, whole: bool, dry_run: bool, actor: str | None, reason: str | None
) -> tuple[RetentionReport, Rules]:
    """Take out of the archive what is too old; on record before it happens.

    Args:
        settings: Where broker and ClickHouse are.
        at: What ages count to.
        whole: Look at the whole archive, not only at what changed since the last pass.
        dry_run: Only count; nothing is changed and nothing recorded.
        actor: Who does it; None means whoever runs this process.
        reason: Why, besides the policy.

    Raises:
        BrokerUnavailable: No broker answers; nothing was removed.
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing, or it refuses.
    """
    rules = await _rules(settings.kafka)
    async with Warehouse(patient(settings.clickhouse)) as warehouse:
        since = None if whole or not rules else await last_pass(warehouse, rules)
        seen = Look(at, since)
        found = await look(warehouse, rules, seen)
        if dry_run:
            return found, rules
        await record(settings.kafka, audits(found, actor, reason))
        return await remove(warehouse, rules, seen, found), rules


async def retain_regularly(settings: Settings, responsible: Callable[[], bool], stop: asyncio.Event) -> None:
    """Take out what is too old, again and again, until told to stop.

    Nothing that goes wrong ends it: what is due now is due later, too.

    Args:
        settings: How often, and where broker and ClickHouse are.
        responsible: Whether this process is the one, now.
        stop: Ends it; a mutation under way is finished by ClickHouse itself.
    """
    warned = Rules()

    async def work() -> None:
        nonlocal warned
        rules = await _pass(settings)
        if rules is not None and rules.digest != warned.digest:
            warn_of_topics(settings.kafka, rules)
            warned = rules

    await regularly(work, settings.governance.retention_seconds, responsible, stop, rest=REST)


async def _pass(settings: Settings) -> Rules | None:
    try:
        report, rules = await retain(
            settings, datetime.now(UTC), whole=False, dry_run=False, actor=SYSTEM, reason=None
        )
    except AsahiError as failed:
        logger.warning("retention failed; trying again", extra={"error": str(failed)[:MAX_ERROR_CHARS]})
        return None
    if report.tenants:
        logger.info(
            "content removed",
            extra={
                "events": total(report.tenants),
                "tenants": len(report.tenants),
                "partitions": len(report.partitions),
            },
        )
    return rules


def warn_of_topics(kafka: KafkaSettings, rules: Rules) -> None:
    """Warn of policies that topics do not keep to, since a topic keeps everybody's events equally long."""
    shorter = rules.shorter_than(kafka.retention_hours)
    if shorter:
        logger.warning(
            "topics keep content longer than policy.retention_days lets some of it be kept; "
            "lower kafka.retention_hours, or encrypt it and erase the keys",
            extra={"retention_hours": kafka.retention_hours, "days": shorter},
        )


async def _rules(kafka: KafkaSettings) -> Rules:
    registry = Registry()
    async for records in read_tail(kafka, {(GOVERNANCE.name, 0): 0}):
        for one in records:
            registry.apply(one.key, one.value)
    return rules_of(registry)
