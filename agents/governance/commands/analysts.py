"""`asahi governance analysts grant|revoke|list`: who may read the tables for one organization."""

from __future__ import annotations

from typing import Any

import click

from agents.governance.commands.subjects import json_option, tenant_option
from schemas.settings import Settings
from streams.audits import ACTOR_VARIABLE, access_audit, current_actor, record
from streams.cli.display import console, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.warehouse.analysts import Credentials
from streams.warehouse.analysts import analysts as read_analysts
from streams.warehouse.analysts import grant as let_in
from streams.warehouse.analysts import revoke as let_out
from streams.warehouse.client import Row, Warehouse

actor_option = click.option("--actor", help=f"Who; you, or what {ACTOR_VARIABLE} says, by default.")
reason_option = click.option("--reason", help="Why; goes to the audit trail.")


@click.group()
def analysts() -> None:
    """Who may read the tables for one organization. Docs: docs/tables.md#analysts-of-one-organization."""


@analysts.command()
@click.argument("name")
@tenant_option
@actor_option
@reason_option
@json_option
@click.pass_obj
def grant(
    invocation: Invocation, name: str, tenant: str, actor: str | None, reason: str | None, as_json: bool
) -> None:
    """Let NAME read the tables for an organization; who was let in under this name before gets a new password."""
    given = run_to_end(_grant(invocation.attached(), name, tenant, actor or current_actor(), reason))
    if as_json:
        emit_json({"login": given.login, "password": given.password})
        return
    console().print(f"login     {given.login}\npassword  {given.password}\nThe password is not shown again.")


async def _grant(settings: Settings, name: str, tenant: str, actor: str, reason: str | None) -> Credentials:
    await record(settings.kafka, [access_audit("analyst_granted", name, tenant=tenant, reason=reason, actor=actor)])
    async with Warehouse(settings.clickhouse) as warehouse:
        return await let_in(warehouse, settings.clickhouse.database, name, tenant, actor)


@analysts.command()
@click.argument("name")
@tenant_option
@actor_option
@reason_option
@click.pass_obj
def revoke(invocation: Invocation, name: str, tenant: str, actor: str | None, reason: str | None) -> int:
    """Let NAME read the tables no longer; the exit code is 1 when he could not."""
    was = run_to_end(_revoke(invocation.attached(), name, tenant, actor or current_actor(), reason))
    console().print(f"{name} reads nothing of {tenant} any more" if was else f"{name} was no analyst of {tenant}")
    return 0 if was else 1


async def _revoke(settings: Settings, name: str, tenant: str, actor: str, reason: str | None) -> bool:
    await record(settings.kafka, [access_audit("analyst_revoked", name, tenant=tenant, reason=reason, actor=actor)])
    async with Warehouse(settings.clickhouse) as warehouse:
        return await let_out(warehouse, name, tenant, actor)


@analysts.command("list")
@json_option
@click.pass_obj
def list_(invocation: Invocation, as_json: bool) -> None:
    """List who may read, and for whom."""
    found = run_to_end(_listed(invocation.attached()))
    if as_json:
        emit_json([_shown(row) for row in found])
        return
    table = plain_table("login", "organization", "granted by", "since")
    for row in found:
        table.add_row(*_shown(row).values())
    console().print(table)


async def _listed(settings: Settings) -> list[Row]:
    async with Warehouse(settings.clickhouse) as warehouse:
        return await read_analysts(warehouse)


def _shown(row: Row) -> dict[str, Any]:
    return row | {"changed_at": row["changed_at"].isoformat(" ", "seconds")}
