"""`asahi anomalies list|show|acknowledge|mute|unmute`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from agents.analytics.anomalies.wording import amount, cause
from agents.analytics.commands import facts
from schemas.anomaly import Contribution, Metric
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from streams.cli.acquaintance import check_known
from streams.cli.display import console, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.moments import Moment, Span
from streams.cli.signals import run_to_end
from streams.warehouse.client import Row, Warehouse

LIMIT = 50
NONE = (
    "no anomalies. Of an organization that is new an hour or so of minutes must be known before anything is strange; "
    "`asahi status --only analyst` says whether the analyst keeps up"
)
LIST = """
SELECT * FROM anomalies
WHERE ({tenant:String} = '' OR tenant = {tenant:String}) AND ({metric:String} = '' OR metric = {metric:String})
  AND (NOT {open:Bool} OR status = 'open') AND start >= {since:DateTime64(6, 'UTC')}
ORDER BY start DESC, id LIMIT {limit:UInt32}
"""
EPOCH = datetime.fromtimestamp(0, UTC)

Command = TypeVar("Command", bound=Callable[..., Any])
metric_choice = click.Choice([metric.value for metric in Metric])


@click.group()
def anomalies() -> None:
    """Look at anomalies in usage, take care of them, and mute what nobody wants to hear of."""


@anomalies.command("list")
@click.option("--tenant", help="Whose.")
@click.option("--metric", type=metric_choice, help="Of what.")
@click.option("--open", "only_open", is_flag=True, help="Only those that have not ended.")
@click.option("--since", type=Moment(), help="Begun since: 2026-11-26, 2026-11-26T10:00, or 7d.")
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="So many at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_(
    invocation: Invocation,
    tenant: str | None,
    metric: str | None,
    only_open: bool,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List anomalies, newest first."""
    parameters: dict[str, object] = {
        "tenant": tenant or "",
        "metric": metric or "",
        "open": only_open,
        "since": since or EPOCH,
        "limit": limit,
    }
    rows = run_to_end(_rows(invocation.attached(), parameters))
    if as_json:
        emit_json([_document(row) for row in rows])
        return
    if not rows:
        console().print(NONE, soft_wrap=True)
        return
    table = plain_table("since", "status", "severity", "anomaly", "cause", "what", right=("severity",))
    for row in rows:
        status = "acknowledged" if row["acknowledged_by"] and row["status"] == "open" else row["status"]
        first = next((cause(each) for each in _causes(row)), "")
        severity = f"{row['severity']:.2f}"
        began = f"{row['start']:%Y-%m-%d %H:%M}"
        table.add_row(began, status, severity, row["id"], first, row["title"])
    console().print(table)


@anomalies.command()
@click.argument("anomaly", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def show(invocation: Invocation, anomaly: str, as_json: bool) -> None:
    """Show one anomaly with what moved it."""
    row = run_to_end(facts.anomaly_of(invocation.attached(), anomaly))
    if as_json:
        emit_json(_document(row))
        return
    out, metric = console(), Metric(row["metric"])
    out.print(row["text"].partition("\n\nLook closer")[0], markup=False, soft_wrap=True)
    out.print()
    table = plain_table("", "")
    table.add_row("status", row["status"] + (", muted when it was told" if row["muted"] else ""))
    table.add_row("severity", f"{row['severity']:.2f}")
    table.add_row("expected", f"{amount(metric, row['lower'])} to {amount(metric, row['upper'])}")
    if row["acknowledged_by"]:
        why = f": {row['acknowledged_reason']}" if row["acknowledged_reason"] else ""
        table.add_row("acknowledged", f"by {row['acknowledged_by']}{why}")
    out.print(table)


@anomalies.command()
@click.argument("anomaly", metavar="ID")
@click.option("--reason", help="What is known about it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def acknowledge(invocation: Invocation, anomaly: str, reason: str | None, as_json: bool) -> None:
    """Say that you have seen an anomaly and take care of it."""
    fact = run_to_end(facts.acknowledge(invocation.attached(), anomaly, reason))
    if as_json:
        emit_json(fact.model_dump(mode="json"))
    else:
        console().print(f"acknowledged by {fact.acknowledged_by}")


def _scope(command: Command) -> Command:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="For programs."),
        click.option("--reason", help="Why."),
        click.option("--metric", type=metric_choice, help="Only of this metric."),
        click.option("--tenant", help="All anomalies of an organization, also those to come."),
        click.argument("anomaly", metavar="[ID]", required=False),
    ):
        command = option(command)
    return command


@anomalies.command()
@_scope
@click.option("--for", "span", type=Span(), required=True, help="How long: 30m, 4h, 7d.")
@click.pass_obj
def mute(
    invocation: Invocation,
    anomaly: str | None,
    tenant: str | None,
    metric: str | None,
    reason: str | None,
    as_json: bool,
    span: int,
) -> None:
    """Tell no webhook of an anomaly, or of an organization's, for a while; they are found all the same."""
    _mute(invocation, anomaly, tenant, metric, reason, as_json, datetime.now(UTC) + timedelta(seconds=span))


@anomalies.command()
@_scope
@click.pass_obj
def unmute(
    invocation: Invocation,
    anomaly: str | None,
    tenant: str | None,
    metric: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """End a mute: name what was named when it was made."""
    _mute(invocation, anomaly, tenant, metric, reason, as_json, datetime.now(UTC))


def _mute(
    invocation: Invocation,
    anomaly: str | None,
    tenant: str | None,
    metric: str | None,
    reason: str | None,
    as_json: bool,
    until: datetime,
) -> None:
    settings = invocation.attached()
    if (anomaly is None) == (tenant is None):
        raise ConfigurationError("name one anomaly by its id, or an organization with --tenant")
    if anomaly is not None:
        tenant = run_to_end(facts.anomaly_of(settings, anomaly))["tenant"]
    assert tenant is not None
    of = None if metric is None else Metric(metric)
    fact = run_to_end(facts.mute(settings, tenant, of, anomaly, until, reason))
    if as_json:
        emit_json(fact.model_dump(mode="json"))
        return
    what = anomaly or f"anomalies of {tenant}" + (f" in {metric}" if metric else "")
    when = f"until {until:%Y-%m-%d %H:%M} UTC" if until > fact.muted_at else "no longer"
    console().print(f"muted {when}: {what}", soft_wrap=True)


async def _rows(settings: Settings, parameters: dict[str, object]) -> list[Row]:
    async with Warehouse(settings.clickhouse) as warehouse:
        rows = await warehouse.rows(LIST, parameters)
    if not rows:
        await check_known(settings.clickhouse, str(parameters["tenant"]))
    return rows


def _causes(row: Row) -> list[Contribution]:
    return [Contribution(**each) for each in row["contributions"]]


def _document(row: Row) -> dict[str, Any]:
    times = ("start", "end", "opened_at", "acknowledged_at")
    return row | {name: None if row[name] is None else row[name].isoformat() for name in times}
