"""`asahi governance data-keys list|make|rotate|rewrap`."""

from __future__ import annotations

import click

from agents.governance.change import Who
from agents.governance.commands.log import By, changing, read_registry, who_by
from agents.governance.commands.subjects import found, json_option, tenant_option
from agents.governance.encryption.configured import required_data_keys
from agents.governance.encryption.issuing import about, issue
from agents.governance.registry.places import Kind, Place
from schemas.errors import ConfigurationError
from schemas.governance import DataKeyDestroyed, DataKeyIssued
from streams.audits import access_audit, record
from streams.cli.display import console, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end

user_option = click.option("--user", help="Of this user within it; else of the whole organization.")
REWRAPPED = "data_keys_rewrapped"


@click.group("data-keys")
def data_keys() -> None:
    """Data keys: what content is encrypted under. Docs: docs/encryption.md."""


@data_keys.command("list")
@tenant_option
@json_option
@click.pass_obj
def list_(invocation: Invocation, tenant: str, as_json: bool) -> None:
    """List the data keys of an organization, with the public parts to seal to."""
    registry = run_to_end(read_registry(invocation.attached()))
    facts = list(registry.data_keys.of(tenant))
    if as_json:
        emit_json([fact.model_dump(mode="json", exclude_none=True) | {"state": _state(fact)} for fact in facts])
        return
    if not facts:
        console().print("no data keys; `asahi governance tenants set` makes one when policy.encryption is set")
        return
    table = plain_table("data key", "whose", "state", "since")
    for fact in facts:
        since = fact.issued_at if isinstance(fact, DataKeyIssued) else fact.destroyed_at
        table.add_row(fact.key_id, fact.user or "all", _state(fact), since.isoformat(" ", "seconds"))
    console().print(table)


@data_keys.command()
@tenant_option
@user_option
@changing
@json_option
@click.pass_obj
def make(invocation: Invocation, tenant: str, user: str | None, by: By, as_json: bool) -> None:
    """Make the data key of an organization or a user that has none."""
    _make(invocation, tenant, user, by, as_json, rotating=False)


@data_keys.command()
@tenant_option
@user_option
@changing
@json_option
@click.pass_obj
def rotate(invocation: Invocation, tenant: str, user: str | None, by: By, as_json: bool) -> None:
    """Make a newer data key; the older ones go on opening what they encrypted, and nothing is rewritten."""
    _make(invocation, tenant, user, by, as_json, rotating=True)


@data_keys.command()
@changing
@json_option
@click.pass_obj
def rewrap(invocation: Invocation, by: By, as_json: bool) -> None:
    """Wrap every data key anew by the newest key-encryption key; no content is touched."""
    settings = invocation.attached()
    keys = required_data_keys(settings.governance)

    async def work() -> int:
        if by.key is not None:
            raise ConfigurationError("--as-key: keys belong to one organization, and the vault to all; leave it out")
        who = Who(by.actor, by.reason)
        audit = access_audit(REWRAPPED, "vault", tenant=None, reason=who.reason, actor=who.actor, outcome="applied")
        await record(settings.kafka, [audit])
        return keys.rewrap()

    count = run_to_end(work())
    if as_json:
        emit_json({"rewrapped": count})
    else:
        console().print(f"{count} data keys wrapped anew; the older key-encryption keys may be taken out now")


def _make(invocation: Invocation, tenant: str, user: str | None, by: By, as_json: bool, *, rotating: bool) -> None:
    settings = invocation.attached()
    keys = required_data_keys(settings.governance)

    async def work() -> DataKeyIssued:
        registry = await read_registry(settings)
        found(registry, Place(Kind.TENANT, tenant, tenant))
        present = registry.data_keys.newest(tenant, user)
        if present is not None and not rotating:
            raise ConfigurationError(f"there is one already, {present.key_id}; `rotate` makes a newer one")
        if present is None and rotating:
            raise ConfigurationError("there is none yet; `make` makes the first")
        (fact,) = await issue(settings, keys, [(tenant, user)], who_by(by, settings, registry, [about(tenant)]))
        return fact

    fact = run_to_end(work())
    if as_json:
        emit_json(fact.model_dump(mode="json", exclude_none=True))
    else:
        console().print(f"data key {fact.key_id} of {user or tenant}; producers seal to {fact.public_key}")


def _state(fact: DataKeyIssued | DataKeyDestroyed) -> str:
    return "good" if isinstance(fact, DataKeyIssued) else "destroyed"
