"""`asahi governance erase`: the keys of a scope are destroyed, every worker drops them, and a search proves it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from agents.governance.change import Who
from agents.governance.commands.log import PATIENCE_SECONDS, By, changing, read_registry, who_by
from agents.governance.commands.subjects import json_option, tenant_option
from agents.governance.encryption import places
from agents.governance.encryption.configured import configured_vault, required_data_keys
from agents.governance.encryption.erasure import ErasureReport, Searched, search
from agents.governance.encryption.issuing import about, data_key_audit, fact_event, publish_audits
from agents.governance.encryption.keyring import DataKeys
from agents.governance.registry import Registry
from schemas.errors import ConfigurationError
from schemas.governance import DataKeyDestroyed
from schemas.settings import Settings
from streams.cli.display import console, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.outbox import Outbox
from streams.presence import known_everywhere
from streams.topics import DESTROYED_DATA_KEYS, GOVERNANCE
from streams.warehouse.client import Warehouse

DESTROYED = "data_key_destroyed"
UNPROVEN = 1

Workers = tuple[int, int]
"""How many know that the keys are destroyed, and how many there are."""


@click.command()
@tenant_option
@click.option("--user", help="Only what was encrypted under this user's own keys.")
@click.option("--probe", "probes", multiple=True, metavar="TEXT", help="Plaintext that must be nowhere.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@changing
@json_option
@click.pass_obj
def erase(
    invocation: Invocation,
    tenant: str,
    user: str | None,
    probes: tuple[str, ...],
    yes: bool,
    by: By,
    as_json: bool,
) -> int:
    """Destroy the data keys of an organization or a user, so that no copy of their content can be read again.

    It cannot be undone. Then every topic, table and file of the data folder is searched for what the keys encrypted,
    and each is tried. Ends with 1 where something opened. Docs: docs/encryption.md.
    """
    settings = invocation.attached()
    required_data_keys(settings.governance)
    if not yes:
        click.confirm(f"destroy the data keys of {tenant}{f', user {user}' if user else ''} for good?", abort=True)

    async def work() -> tuple[ErasureReport, Workers]:
        registry = await read_registry(settings)
        who = who_by(by, settings, registry, [about(tenant)])
        return await erased(settings, registry, tenant, user, probes, who)

    report, workers = run_to_end(work())
    if as_json:
        emit_json(document(report, workers))
    else:
        _show(report, workers)
    return 0 if report.proven else UNPROVEN


async def erased(
    settings: Settings, registry: Registry, tenant: str, user: str | None, probes: Sequence[str], who: Who
) -> tuple[ErasureReport, Workers]:
    """Destroy the keys of a scope and look for what they encrypted; repeat it after whatever interrupted it.

    Each destruction is on record before it happens. The vault comes first and the fact second: whoever hears of it
    can no longer read the key anew.

    Raises:
        ConfigurationError: The scope never had a data key, or no vault is configured.
        BrokerUnavailable: No broker answers.
    """
    keys = required_data_keys(settings.governance)
    vault = configured_vault(settings.governance)
    assert vault is not None, "there are no data keys without a vault"
    known = {fact.key_id: fact.user for fact in registry.data_keys.of(tenant)}
    known |= {key.id: key.user for key in vault.list(tenant)}
    doomed = {key_id: whose for key_id, whose in known.items() if user is None or whose == user}
    if not doomed:
        raise ConfigurationError(f"there is no data key of {user or tenant}; `asahi governance data-keys list`")
    offset = 0
    async with Outbox(settings.kafka) as outbox:
        for key_id, whose in doomed.items():
            now = datetime.now(UTC)
            await publish_audits(outbox, settings, [data_key_audit(DESTROYED, tenant, key_id, whose, who, now)])
            keys.destroy(tenant, key_id)
            fact = DataKeyDestroyed(
                tenant=tenant,
                key_id=key_id,
                user=whose,
                destroyed_at=now,
                changed_by=who.actor,
                reason=who.reason,
            )
            event = fact_event(DESTROYED_DATA_KEYS, tenant, key_id, fact, now)
            (offset,) = await outbox.publish(GOVERNANCE.name, 0, [event])
    workers = await known_everywhere(settings.kafka, offset, time.time, PATIENCE_SECONDS)
    # Anew, so that nothing but the vault says that they are gone.
    found = await searched(settings, required_data_keys(settings.governance), tenant, tuple(doomed), probes)
    return ErasureReport(tenant=tenant, user=user, keys=tuple(doomed), searched=found), workers


async def searched(
    settings: Settings, keys: DataKeys, tenant: str, destroyed: Sequence[str], probes: Sequence[str]
) -> tuple[Searched, ...]:
    """Look through every topic, every table and the files of the data folder."""
    found: dict[str, Searched] = {}

    def note(place: str, items: list[bytes]) -> None:
        _add(found, search(keys, tenant, destroyed, place, items, probes))

    async for topic, values in places.topics(settings.kafka):
        note(f"topic {topic.name}", values)
    async with Warehouse(settings.clickhouse) as warehouse:
        async for column, values in places.tables(warehouse):
            note(f"table {column}", values)
    folder = settings.embedded.data_dir
    if folder.is_dir():
        for _, chunk in places.files(folder):
            note(f"files {folder}", [chunk])
    return tuple(found.values())


def document(report: ErasureReport, workers: Workers) -> dict[str, Any]:
    """Return the report for programs."""
    know, there = workers
    return {
        "tenant": report.tenant,
        "user": report.user,
        "keys": list(report.keys),
        "workers": {"know": know, "there": there},
        "searched": [msgspec.to_builtins(place) for place in report.searched],
        "proven": report.proven,
    }


def _add(found: dict[str, Searched], more: Searched) -> None:
    known = found.setdefault(more.place, more)
    if known is not more:
        known.items += more.items
        known.bytes += more.bytes
        known.sealed += more.sealed
        known.readable += more.readable
        known.probes += more.probes


def _show(report: ErasureReport, workers: Workers) -> None:
    out = console()
    table = plain_table("place", "items", "sealed", "opened", "plaintext")
    for place in report.searched:
        if place.sealed or place.readable or place.probes:
            counts = (place.items, place.sealed, place.readable, place.probes)
            table.add_row(place.place, *(f"{count:,}" for count in counts))
    out.print(table)
    know, there = workers
    out.print(f"{len(report.keys)} data keys destroyed; {know} of {there} workers have dropped them", soft_wrap=True)
    items, places_ = sum(place.items for place in report.searched), len(report.searched)
    verdict = "nothing opens" if report.proven else "NOT PROVEN: something opens or was found in plain text"
    out.print(f"{items:,} items in {places_} places searched: {verdict}", soft_wrap=True)
