"""`asahi governance explain`: what holds for requests of somebody, and whose rule decided each field."""

from __future__ import annotations

import click

from agents.governance.commands.log import read_registry
from agents.governance.commands.subjects import found, json_option, tenant_option
from agents.governance.policies.explanation import Value, holdings
from agents.governance.registry.places import Kind, Place, label_of
from streams.cli.display import console, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end


@click.command()
@tenant_option
@click.option("--user", help="As requests name it; the key's own user when left out.")
@click.option("--key", "key_id", help="The id of the key that requests come under.")
@json_option
@click.pass_obj
def explain(invocation: Invocation, tenant: str, user: str | None, key_id: str | None, as_json: bool) -> None:
    """Say what holds for requests of an organization, a user or a key, and whose rule decided it."""
    registry = run_to_end(read_registry(invocation.attached()))
    found(registry, Place(Kind.TENANT, tenant, tenant))
    if user is not None:
        found(registry, Place(Kind.USER, tenant, user))
    if key_id is not None:
        found(registry, Place(Kind.KEY, tenant, key_id))
    scopes = registry.scope_chain(tenant, user, key_id)
    assert scopes is not None, "the tenant is registered"
    held, names = holdings(scopes), [label_of(fact) for fact in scopes.widest_first]
    if as_json:
        emit_json({"scopes": names, "rules": [one._asdict() for one in held]})
        return
    console().print(f"{' ⊃ '.join(names)}", style="dim")
    if not held:
        console().print("nothing is limited")
        return
    table = plain_table("field", "what holds", "decided by")
    for one in held:
        table.add_row(one.field, _told(one.value), ", ".join(one.by))
    console().print(table)


def _told(value: Value) -> str:
    return (", ".join(value) or "none") if isinstance(value, tuple) else str(value)
