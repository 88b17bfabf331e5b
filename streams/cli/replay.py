"""`asahi replay`."""

from __future__ import annotations

from dataclasses import asdict

import click

from schemas.settings import Settings
from streams.archive.replay import ReplayReport
from streams.archive.replay import replay as rebuild
from streams.audits import access_audit, record
from streams.cli.display import console, duration, emit_json, plain_table, side_console
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end

NUMBERS = ("rows before", "rows after", "missing", "surplus", "changed")


@click.command()
@click.option("--swap", is_flag=True, help="Put the rebuilt tables in the place of the old ones.")
@click.option("--reason", help="Why; goes to the audit trail.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def replay(invocation: Invocation, swap: bool, reason: str | None, as_json: bool) -> int:
    """Rebuild the tables from the archive and compare; the pipeline may run meanwhile.

    The exit code is 1 when a table was not what the archive says, unless it was replaced.
    """
    with side_console().status("rebuilding the tables from the archive"):
        report = run_to_end(_replay(invocation.attached(), swap, reason))
    if as_json:
        emit_json(asdict(report))
    else:
        _show(report, swap)
    return 0 if swap or all(table.identical for table in report.tables) else 1


async def _replay(settings: Settings, swap: bool, reason: str | None) -> ReplayReport:
    action = "tables_replaced" if swap else "tables_compared"
    await record(settings.kafka, [access_audit(action, settings.clickhouse.database, tenant=None, reason=reason)])
    return await rebuild(settings, swap)


def _show(report: ReplayReport, swap: bool) -> None:
    table = plain_table("table", *NUMBERS, "", right=NUMBERS)
    for rebuilt in report.tables:
        numbers = (rebuilt.rows_before, rebuilt.rows_after, rebuilt.missing, rebuilt.surplus, rebuilt.changed)
        verdict = "identical" if rebuilt.identical else "replaced" if rebuilt.swapped else "[bold]differs[/bold]"
        table.add_row(rebuilt.table, *(f"{number:,}" for number in numbers), verdict)
    console().print(table)
    console().print(f"took {duration(report.seconds)}")
    if not swap and not all(rebuilt.identical for rebuilt in report.tables):
        console().print("`asahi replay --swap` puts the rebuilt tables in their place.")
