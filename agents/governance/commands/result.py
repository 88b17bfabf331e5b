"""`asahi result`: a result as the archive has it, its answer opened; whoever opens it is on record before."""

from __future__ import annotations

from typing import Any

import click
import orjson

from agents.governance.encryption.configured import configured_data_keys
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from streams.audits import access_audit, record
from streams.cli.display import emit_json
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.submission.content import opened_result
from streams.warehouse.client import Warehouse

EVENT = """
SELECT value FROM archive WHERE topic = 'asahi.results' AND (cluster, partition, offset) IN
    (SELECT cluster, partition, offset FROM results WHERE id = {id:String} AND tenant = {tenant:String})
LIMIT 1
"""
OPENED = "result_opened"


@click.command()
@click.argument("request_id", metavar="REQUEST_ID")
@click.option("--tenant", required=True, help="Whose request.")
@click.option("--reason", help="Why you look; goes to the audit trail.")
@click.pass_obj
def result(invocation: Invocation, request_id: str, tenant: str, reason: str | None) -> None:
    """Show a result with its answer, opened where it is sealed."""
    settings = invocation.attached()
    emit_json(run_to_end(read_result(settings, tenant, request_id, reason)))


async def read_result(settings: Settings, tenant: str, request_id: str, reason: str | None) -> dict[str, Any]:
    """Return a result, opened.

    Raises:
        ConfigurationError: There is none, or it is sealed and there is no vault.
        ContentErased: Its data key was destroyed.
    """
    async with Warehouse(settings.clickhouse) as warehouse:
        rows = await warehouse.rows(EVENT, {"id": request_id, "tenant": tenant})
    if not rows:
        raise ConfigurationError(f"there is no result of request {request_id!r} of {tenant}; see `asahi status`")
    await record(settings.kafka, [access_audit(OPENED, request_id, tenant=tenant, reason=reason)])
    found: dict[str, Any] = orjson.loads(rows[0]["value"])
    if found.get("sealed") is None:
        return found
    keys = configured_data_keys(settings.governance)
    if keys is None:
        raise ConfigurationError("the answer is sealed; set governance.vault_dir and the key-encryption key")
    return opened_result(keys, found)
