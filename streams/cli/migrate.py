"""`asahi migrate`."""

from __future__ import annotations

import click

from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.warehouse.migrations import migrate as apply_migrations


@click.command()
@click.pass_obj
def migrate(invocation: Invocation) -> None:
    """Bring ClickHouse's tables up to date; safe to run again."""
    applied = run_to_end(apply_migrations(invocation.attached()))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("the tables are up to date")
