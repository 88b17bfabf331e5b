"""`asahi cache evict`: answers are taken out of the cache, and those made until then never come back."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import click

from agents.governance.change import Who
from agents.governance.commands.log import PATIENCE_SECONDS, By, changing, read_registry, who_by
from agents.governance.commands.subjects import json_option, registered, tenant_option
from agents.governance.encryption.issuing import about, publish_audits
from schemas.errors import ConfigurationError
from schemas.governance import CacheEvicted
from schemas.settings import Settings
from schemas.wire import AuditRecord
from streams.cli.display import console, emit_json
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.envelope import cloud_event
from streams.evictions import ALL, eviction_place, of_model, of_request
from streams.outbox import Outbox
from streams.presence import known_everywhere
from streams.topics import EVICTIONS, GOVERNANCE
from streams.warehouse.client import Warehouse

EVICTED = "cache_evicted"
SOURCE = "SELECT cache_source_request_id FROM results WHERE id = {id:String} AND tenant = {tenant:String} LIMIT 1"


@click.command()
@click.argument("request_id", metavar="[REQUEST_ID]", required=False)
@tenant_option
@click.option("--model", help="All answers that this model gave.")
@click.option("--all", "everything", is_flag=True, help="All answers of the organization.")
@changing
@json_option
@click.pass_obj
def evict(
    invocation: Invocation,
    request_id: str | None,
    tenant: str,
    model: str | None,
    everything: bool,
    by: By,
    as_json: bool,
) -> None:
    """Take answers out of the cache: the one that REQUEST_ID got, those of a model, or all.

    What was answered until now never comes back, whoever dies or takes over; the next request asks a model.
    """
    if sum((request_id is not None, model is not None, everything)) != 1:
        raise ConfigurationError("name what to evict: a REQUEST_ID, --model or --all, and only one of them")
    settings = invocation.attached()

    async def work() -> tuple[str, int, int]:
        registry = await read_registry(settings)
        registered(registry, tenant)
        who = who_by(by, settings, registry, [about(tenant)])
        if request_id is not None:
            selector = of_request(await _source(settings, tenant, request_id))
        else:
            selector = ALL if model is None else of_model(model)
        return selector, *await evicted(settings, tenant, selector, who)

    selector, know, there = run_to_end(work())
    if as_json:
        emit_json({"tenant": tenant, "selector": selector, "workers": {"know": know, "there": there}})
        return
    console().print(f"evicted {selector} of {tenant}; {know} of {there} workers have dropped it", soft_wrap=True)


async def evicted(settings: Settings, tenant: str, selector: str, who: Who) -> tuple[int, int]:
    """Put the eviction on record and make it known; return how many workers know, and how many there are.

    Raises:
        BrokerUnavailable: No broker answers.
    """
    now = datetime.now(UTC)
    fact = CacheEvicted(tenant=tenant, selector=selector, evicted_at=now, changed_by=who.actor, reason=who.reason)
    place = eviction_place(tenant, selector)
    name = f"{place.decode()}/{now.isoformat()}"
    audit = AuditRecord(
        id=f"{EVICTED}/{name}",
        actor=who.actor,
        action=EVICTED,
        subject=place.decode(),
        outcome="applied",
        reason=who.reason,
        occurred_at=now,
        tenant=tenant,
    )
    event = cloud_event(EVICTIONS, name, tenant, now, fact.model_dump_json(exclude_none=True).encode(), key=place)
    async with Outbox(settings.kafka) as outbox:
        await publish_audits(outbox, settings, [audit])
        (offset,) = await outbox.publish(GOVERNANCE.name, 0, [event])
    return await known_everywhere(settings.kafka, offset, time.time, PATIENCE_SECONDS)


async def _source(settings: Settings, tenant: str, request_id: str) -> str:
    """Return the request whose answer this one got: its own, where a model was asked.

    Raises:
        ConfigurationError: There is no such result.
    """
    async with Warehouse(settings.clickhouse) as warehouse:
        rows = await warehouse.rows(SOURCE, {"id": request_id, "tenant": tenant})
    if not rows:
        raise ConfigurationError(f"there is no result of request {request_id!r} of {tenant}; see `asahi status`")
    return str(rows[0]["cache_source_request_id"] or request_id)
