"""`asahi audit verify|query|key`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from agents.governance.audit.archived import ArchivedTrail
from agents.governance.audit.checkpoints import key_id
from agents.governance.audit.findings import Finding
from agents.governance.audit.keys import audit_folder, load_signing_key, public_pem, trusted_keys
from agents.governance.audit.logged import LoggedTrail
from agents.governance.audit.query import FILTERS, audit_query
from agents.governance.audit.verification import Verification
from agents.governance.audit.verification import verify as verify_trail
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from streams.admin import cluster_id
from streams.cli.acquaintance import check_known
from streams.cli.display import console, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.moments import Moment
from streams.cli.signals import run_to_end
from streams.warehouse.client import Row, Warehouse

FOUND = 1
LIMIT = 50
SHOWN_DIGITS = 12


@click.group()
def audit() -> None:
    """Verify the audit trail, and look up who did what."""


@audit.command()
@click.option("--from", "source", type=click.Choice(["archive", "log"]), default="archive", show_default=True)
@click.option("--partition", type=click.IntRange(min=0), help="Only this partition of asahi.audit.")
@click.option("--since", type=Moment(), help="Only what was sealed since: 2026-11-26, or 7d.")
@click.option(
    "--key", "keys", type=click.Path(path_type=Path), multiple=True, help="Public key to trust instead of ours."
)
@click.option(
    "--checkpoints", "folders", type=click.Path(path_type=Path), multiple=True, help="Folder of checkpoints."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def verify(
    invocation: Invocation,
    source: str,
    partition: int | None,
    since: datetime | None,
    keys: tuple[Path, ...],
    folders: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Recompute the hash chains and compare them with records, links and signed checkpoints.

    The exit code is 1 when something was changed, removed, put in or moved.
    """
    settings = invocation.attached()
    found = run_to_end(run_verification(settings, source, partition, since, keys, folders))
    if as_json:
        emit_json(document(found))
    else:
        _show(found)
    return 0 if found.sound else FOUND


@audit.command()
@click.option("--tenant", help="Whom it is about.")
@click.option("--actor", help="Who did it.")
@click.option("--action", help="What was done; * stands for any text, as everywhere here.")
@click.option("--subject", help="What it was done to.")
@click.option("--outcome", help="How it ended.")
@click.option("--since", type=Moment(), help="The earliest time: 2026-11-26, 2026-11-26T10:00, or 7d.")
@click.option("--until", type=Moment(), help="The time before which.")
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="So many at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def query(
    invocation: Invocation,
    /,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Show audit records, newest first."""
    equal = [(name, wanted) for name in FILTERS if (wanted := filters[name]) is not None]
    rows = run_to_end(_rows(invocation.attached(), *audit_query(equal, since, until, limit)))
    if as_json:
        emit_json([row | {"occurred_at": row["occurred_at"].isoformat()} for row in rows])
        return
    if not rows:
        run_to_end(check_known(invocation.attached().clickhouse, filters["tenant"]))
        console().print("no audit records")
        return
    table = plain_table("when", "tenant", "actor", "action", "subject", "outcome", "reason")
    for row in rows:
        when = row["occurred_at"].isoformat(" ", "seconds")
        table.add_row(when, *(row[name] for name in ("tenant", "actor", "action", "subject", "outcome", "reason")))
    console().print(table)


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def key(invocation: Invocation, as_json: bool) -> None:
    """Print the public key that checkpoints are verified with; keep it where nobody here can change it."""
    own = load_signing_key(invocation.settings())
    if own is None:
        raise ConfigurationError(
            "there is no signing key here yet: the first worker makes it, or set audit.signing_key"
        )
    public = own.public_key()
    if as_json:
        emit_json({"key_id": key_id(public), "algorithm": "Ed25519", "pem": public_pem(public)})
    else:
        click.echo(public_pem(public), nl=False)


async def run_verification(
    settings: Settings,
    source: str = "archive",
    partition: int | None = None,
    since: datetime | None = None,
    keys: tuple[Path, ...] = (),
    folders: tuple[Path, ...] = (),
) -> Verification:
    """Verify what the settings reach."""
    trusted = trusted_keys(settings, keys)
    at_hand = folders or (audit_folder(settings),)
    now, grace = datetime.now(UTC).timestamp(), settings.audit.unsealed_seconds
    if source == "log":
        logged = LoggedTrail(settings.kafka, await cluster_id(settings))
        return await verify_trail(logged, at_hand, trusted, now=now, grace_seconds=grace, partition=partition)
    async with Warehouse(settings.clickhouse) as warehouse:
        trail = ArchivedTrail(warehouse, since)
        return await verify_trail(trail, at_hand, trusted, now=now, grace_seconds=grace, partition=partition)


async def _rows(settings: Settings, sql: str, parameters: dict[str, object]) -> list[Row]:
    async with Warehouse(settings.clickhouse) as warehouse:
        return await warehouse.rows(sql, parameters)


def document(found: Verification) -> dict[str, Any]:
    """Return a verification as a document for programs."""
    return {
        "sound": found.sound,
        "keys": list(found.keys),
        "checkpoints": found.checkpoints,
        "counts": {kind.value: count for kind, count in sorted(found.findings.counts.items())},
        "findings": [asdict(one) for one in found.findings.kept],
        "chains": [{**one.place._asdict(), **asdict(one.tally)} for one in found.chains],
    }


def _show(found: Verification) -> None:
    out = console()
    numbers = ("partition", "records", "sealed", "heads checked", "pending", "unchained")
    table = plain_table("log", *numbers, right=numbers)
    for report in found.chains:
        tally = report.tally
        if tally.records or tally.sealed:
            counts = (tally.records, tally.sealed, tally.attested, tally.pending, tally.unchained)
            table.add_row(report.place.cluster, str(report.place.partition), *(f"{count:,}" for count in counts))
    out.print(table)
    out.print()
    for one in found.findings.kept:
        out.print(f"[red]{one.kind}[/red] {_where(one)}: {one.detail}", soft_wrap=True)
    unshown = len(found.findings) - len(found.findings.kept)
    if unshown:
        out.print(f"and {unshown:,} more")
    sealed = sum(report.tally.sealed for report in found.chains)
    if found.sound:
        signed = f"{found.checkpoints:,} checkpoints signed by {', '.join(found.keys)}"
        out.print(f"[green]sound[/green]: {sealed:,} sealed records, {signed}")
    else:
        out.print(f"[bold red]{len(found.findings):,} findings[/bold red] in {sealed:,} sealed records")


def _where(one: Finding) -> str:
    parts = [f"partition {one.partition}"]
    if one.offset is not None:
        parts.append(f"offset {one.offset}")
    if one.sequence is not None:
        parts.append(f"sequence {one.sequence}")
    if one.record_id is not None:
        parts.append(f"record {one.record_id}")
    if one.expected is not None:
        parts.append(f"expected {one.expected[:SHOWN_DIGITS]}…")
    if one.found is not None:
        parts.append(f"found {one.found[:SHOWN_DIGITS]}…")
    return ", ".join(parts)
