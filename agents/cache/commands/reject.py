"""`asahi cache reject`: an answer that another question got was wrong."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import click

from schemas.cache_hit import SEMANTIC
from schemas.errors import ConfigurationError
from schemas.feedback import Feedback
from schemas.settings import Settings
from streams.cli.display import console
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.envelope import cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import FEEDBACK
from streams.warehouse.client import Warehouse

SERVED = "SELECT cache_tier FROM results WHERE id = {id:String} AND tenant = {tenant:String} LIMIT 1"


@click.command()
@click.argument("request_id", metavar="REQUEST_ID")
@click.option("--tenant", required=True, help="Whose request.")
@click.option("--reason", help="Why; goes with the grade.")
@click.pass_obj
def reject(invocation: Invocation, request_id: str, tenant: str, reason: str | None) -> None:
    """Say that the answer which REQUEST_ID got from another question was wrong: it serves nobody else."""
    run_to_end(_reject(invocation.attached(), tenant, request_id, reason))
    console().print(f"the answer that {request_id} got serves no other question any more")


async def _reject(settings: Settings, tenant: str, request_id: str, reason: str | None) -> None:
    """Grade an answer 0.

    Raises:
        ConfigurationError: There is no such result, or its answer is not that of another question.
    """
    async with Warehouse(settings.clickhouse) as warehouse:
        rows = await warehouse.rows(SERVED, {"id": request_id, "tenant": tenant})
    if not rows:
        raise ConfigurationError(f"there is no result of request {request_id!r} of {tenant}; see `asahi status`")
    tier = rows[0]["cache_tier"]
    if tier != SEMANTIC:
        raise ConfigurationError(
            f"request {request_id!r} of {tenant} did not get the answer to another question; to have it answered "
            "anew, send it under a new id with cache.directive refresh"
        )
    at = datetime.now(UTC)
    grade = Feedback(
        id=f"reject-{uuid.uuid4().hex}",
        request_id=request_id,
        tenant=tenant,
        grade=0.0,
        source="operator",
        comment=reason,
        occurred_at=at,
    )
    value = grade.model_dump_json(exclude_none=True).encode()
    partition = home_partition(tenant, settings.kafka.partitions)
    async with Outbox(settings.kafka) as outbox:
        await outbox.publish(FEEDBACK.name, partition, [cloud_event(FEEDBACK, grade.id, tenant, at, value)])
