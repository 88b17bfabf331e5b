"""`asahi compliance report`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from agents.governance.audit.commands import run_verification
from agents.governance.audit.keys import load_signing_key
from agents.governance.compliance.evidence import Evidence, gather
from agents.governance.compliance.page import page
from agents.governance.compliance.report import report as report_of
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from streams.audits import access_audit, record
from streams.cli.display import json_text
from streams.cli.invocation import Invocation
from streams.cli.moments import Moment
from streams.cli.signals import run_to_end

PERIOD_DAYS = 30
REASON = "a report was asked for"


@click.group()
def compliance() -> None:
    """Show what the log proves about a tenant."""


@compliance.command()
@click.option("--tenant", required=True, help="About whom.")
@click.option("--since", type=Moment(), help=f"The beginning of the period; {PERIOD_DAYS} days ago by default.")
@click.option("--until", type=Moment(), help="Its end; now by default.")
@click.option("--format", "form", type=click.Choice(["html", "json"]), default="html", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.")
@click.option("--reason", help="Why; goes to the audit trail.")
@click.pass_obj
def report(
    invocation: Invocation,
    tenant: str,
    since: datetime | None,
    until: datetime | None,
    form: str,
    output: Path | None,
    reason: str | None,
) -> None:
    """Report retention, encryption, erasures, access, violations, providers and the audit trail of a tenant.

    Everything is computed from the log, and mapped to the articles and controls of GDPR, SOC 2 and HIPAA.
    """
    now = datetime.now(UTC)
    end = until or now
    begin = since or end - timedelta(days=PERIOD_DAYS)
    if begin >= end:
        raise ConfigurationError(f"--since {begin:%Y-%m-%d %H:%M} is not before --until {end:%Y-%m-%d %H:%M}")
    document = report_of(run_to_end(_gather(invocation.attached(), tenant, begin, end, now, reason)))
    text = page(document) if form == "html" else json_text(document)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text)
        click.echo(f"wrote {output}", err=True)


async def _gather(
    settings: Settings, tenant: str, since: datetime, until: datetime, now: datetime, reason: str | None
) -> Evidence:
    period = f"{since:%Y-%m-%dT%H:%M}/{until:%Y-%m-%dT%H:%M}"
    made = access_audit("compliance_reported", period, tenant=tenant, reason=reason or REASON)
    await record(settings.kafka, [made])
    chain = None if load_signing_key(settings) is None else await run_verification(settings)
    return await gather(settings, tenant, since, until, now, chain)
