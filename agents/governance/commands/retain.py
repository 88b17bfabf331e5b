"""`asahi governance retain`: content that may not be kept any longer leaves the archive now."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from agents.governance.retention.agent import retain as take_out
from agents.governance.retention.removal import RetentionReport, document
from agents.governance.retention.rules import Rules
from schemas.settings import Settings
from streams.audits import ACTOR_VARIABLE
from streams.cli.display import console, emit_json, plain_table, side_console
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end

COUNTED = ("requests", "results", "dead letters", "comments", "bytes")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.option("--actor", help=f"Who; you, or what {ACTOR_VARIABLE} says, by default.")
@click.option("--reason", help="Why now; goes to the audit trail.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def retain(invocation: Invocation, dry_run: bool, actor: str | None, reason: str | None, as_json: bool) -> None:
    """Remove the prompts and answers that are older than policy.retention_days lets them be kept, for good.

    The whole archive is looked through. The sink does the same every `governance.retention_seconds` with what became
    too old meanwhile. Docs: docs/governance.md#retention.
    """
    settings = invocation.attached()
    now = datetime.now(UTC)
    with side_console().status("looking through the archive"):
        report, rules = run_to_end(take_out(settings, now, whole=True, dry_run=dry_run, actor=actor, reason=reason))
    shorter = rules.shorter_than(settings.kafka.retention_hours)
    if as_json:
        topics = {"retention_hours": settings.kafka.retention_hours, "longer_than_policy": shorter}
        emit_json(document(report) | {"topics": topics})
    else:
        _show(report, rules, shorter, settings)


def _show(report: RetentionReport, rules: Rules, shorter: dict[str, int], settings: Settings) -> None:
    out = console()
    if not rules:
        out.print("no policy sets retention_days: everything is kept")
        return
    if report.tenants:
        table = plain_table("tenant", "days", *COUNTED, right=("days", *COUNTED))
        for one in report.tenants:
            figures = (*one.events.values(), one.bytes)
            fewest = "-" if one.days is None else str(one.days)
            table.add_row(one.tenant or "(names none)", fewest, *(f"{figure:,}" for figure in figures))
        out.print(table)
    verb = "removed" if report.removed else "would be removed"
    done = (
        "; the bytes leave the data folder within a quarter of an hour" if report.removed and report.tenants else ""
    )
    out.print(f"{verb} from {len(report.partitions)} partitions of the archive{done}", soft_wrap=True)
    for tenant, days in shorter.items():
        out.print(
            f"[yellow]{tenant}: {days} days, but topics keep events for {settings.kafka.retention_hours:g} hours"
            "[/yellow]",
            soft_wrap=True,
        )
