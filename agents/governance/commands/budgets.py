"""`asahi governance budgets`: what budgets stand at, folded from the log as a worker folds it."""

from __future__ import annotations

import time

import click

from agents.governance.budgets.recollection import Recollection
from agents.governance.budgets.standing import Standing, standings
from agents.governance.commands.log import read_registry
from agents.governance.commands.subjects import registered
from agents.governance.registry import Registry
from agents.governance.registry.places import Fact
from schemas.settings import Settings
from streams.cli.display import console, dollars, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.partitioning import home_partition
from streams.stage import moment
from streams.tail import read_tail
from streams.topics import BALANCES, USAGE


async def read_standings(settings: Settings, tenant: str | None, now: float) -> list[Standing]:
    """Return what all budgets stand at, or those of one organization, from the widest scope to the narrowest.

    What is spent is as the log has it now; what is reserved is as the writers noted it last.

    Raises:
        BrokerUnavailable: No broker answers.
        ConfigurationError: The organization is not registered.
    """
    registry = await read_registry(settings)
    recollections = await _recollections(settings, registry)
    names = [registered(registry, tenant)] if tenant is not None else registry.names()
    wanted: list[Fact] = []
    for name in names:
        if (organization := registry.get(name)) is not None:
            wanted += [organization, *reversed(registry.below(name))]
    homes = {name: recollections[home_partition(name, settings.kafka.partitions)] for name in names}
    ledgers = {name: home.ledger for name, home in homes.items()}
    noted = {name: home.noted[name] for name, home in homes.items() if name in home.noted}
    return list(standings(wanted, ledgers, noted, now))


async def _recollections(settings: Settings, registry: Registry) -> dict[int, Recollection]:
    found = {partition: Recollection(registry) for partition in range(settings.kafka.partitions)}
    async for records in read_tail(settings.kafka, {(BALANCES.name, partition): 0 for partition in found}):
        for record in records:
            if record.value is not None:
                found[record.partition].restore(record.value)
    for one in found.values():
        one.resume(lambda key: False)
    starts = {(USAGE.name, partition): one.recall_from for partition, one in found.items()}
    async for records in read_tail(settings.kafka, starts):
        for record in records:
            if record.value is not None:
                found[record.partition].recall(record.value, record.offset)
    return found


@click.command()
@click.option("--tenant", help="Of this organization only.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def budgets(invocation: Invocation, tenant: str | None, as_json: bool) -> None:
    """Show what budgets stand at: spent, reserved for requests under way, left, and when they renew."""
    found = run_to_end(read_standings(invocation.attached(), tenant, time.time()))
    if as_json:
        emit_json([one.document() for one in found])
        return
    if not found:
        console().print("no budgets")
        return
    table = plain_table("scope", "period", "limit", "spent", "reserved", "left", "renews")
    for one in found:
        limit = dollars(one.budget.limit_usd) + ("" if one.budget.hard else " (soft)")
        renews = "never" if one.renews_at is None else f"{moment(one.renews_at):%Y-%m-%d %H:%M} UTC"
        figures = (limit, dollars(one.spent), dollars(one.reserved), dollars(one.left))
        table.add_row(str(one.place), one.budget.period, *figures, renews)
    console().print(table)
