"""`asahi submit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from schemas.errors import ConfigurationError
from schemas.model import Name
from schemas.settings import Settings
from streams.cli.content import keys_of
from streams.cli.display import console, dollars, duration, emit_json, saved_share, side_console
from streams.cli.invocation import Invocation
from streams.cli.progress import shown
from streams.cli.signals import Interrupted, run_to_end
from streams.cli.signed import key_option, signer_of
from streams.submission.job import CONCURRENCY, Job
from streams.submission.rows import RowFormat
from streams.submission.submission import Summary
from streams.submission.submission import submit as carry_out

_name: TypeAdapter[str] = TypeAdapter(Name)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="Where the results go.")
@click.option(
    "--format",
    "row_format",
    type=click.Choice([each.value for each in RowFormat]),
    default=RowFormat.ASAHI.value,
    show_default=True,
    help="Of the output: our result events, or OpenAI's batch output.",
)
@click.option("--tenant", help="Of lines that name none; the first configured tenant by default.")
@click.option("--deadline-hours", type=click.FloatRange(min=0, min_open=True), help="The later, the cheaper.")
@click.option("--autopilot", is_flag=True, help="Leave the model to Asahi where an OpenAI line names one.")
@click.option(
    "--concurrency", type=click.IntRange(min=1), default=CONCURRENCY, show_default=True, help="Lines at once."
)
@click.option("--name", default="", help="Asks anew what was asked before under another name.")
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary for programs.")
@click.pass_obj
def submit(
    invocation: Invocation,
    file: Path,
    output: Path,
    row_format: str,
    tenant: str | None,
    deadline_hours: float | None,
    autopilot: bool,
    concurrency: int,
    name: str,
    key: str | None,
    as_json: bool,
) -> None:
    """Answer the requests in FILE, one JSON object per line, and write their results in the same order.

    Lines are our requests, or OpenAI batch lines (custom_id, method, url, body). A line that is wrong becomes a
    rejected row. When it is interrupted, run the same command again: it goes on where it stopped, and asks again only
    what is unanswered. How far it got is in a small file beside the output, OUTPUT.asahi-progress.
    """
    settings = invocation.attached()
    signer = signer_of(key, settings)
    job = Job(
        input=file,
        output=output,
        tenant=tenant_of(tenant, settings),
        row_format=RowFormat(row_format),
        autopilot=autopilot,
        deadline_hours=deadline_hours,
        name=name,
        concurrency=concurrency,
    )
    side = side_console()
    try:
        with shown(side, file.name) as observe:
            summary = run_to_end(carry_out(job, settings, observe, signer, keys_of(settings)))
    except Interrupted:
        side.print(f"interrupted; {output} holds what is done so far. Run the same command again to go on.")
        raise
    if as_json:
        emit_json(document(summary, output))
    else:
        for line in sentences(summary, output):
            console().print(line, soft_wrap=True)


def tenant_of(asked: str | None, settings: Settings) -> str:
    """Return the tenant of requests that name none: the one asked for, or the first that is configured.

    Raises:
        ConfigurationError: There is none, or its name is none.
    """
    if asked is None:
        if not settings.tenants:
            raise ConfigurationError("no tenant is configured; name one with --tenant, or in config.yaml")
        return settings.tenants[0].tenant
    try:
        return _name.validate_python(asked)
    except ValidationError as wrong:
        raise ConfigurationError(f"--tenant {asked!r}: {wrong.errors()[0]['msg']}") from wrong


def sentences(summary: Summary, output: Path) -> list[str]:
    """Return the summary for people."""
    tally = summary.journal.tally
    if not summary.seconds:
        return [f"{output} is complete already: {tally.rows:,} rows. Remove it to submit again."]
    counts = " · ".join(f"{count:,} {status}" for status, count in sorted(tally.by_status.items()))
    lines = [f"{tally.rows:,} rows in {output}: {counts or 'nothing to do'}"]
    if tally.refused:
        lines.append(f"{tally.refused:,} lines were wrong and never sent; their rows say why")
    saved = saved_share(tally.cost_usd, tally.baseline_usd)
    spent = f"spent {dollars(tally.cost_usd)}, {saved} than {dollars(tally.baseline_usd)} at the reference model"
    lines.append(spent if tally.baseline_usd else f"spent {dollars(tally.cost_usd)}")
    done = tally.rows - min(summary.earlier_lines, tally.rows)
    resumed = f" (went on behind line {summary.earlier_lines:,})" if summary.earlier_lines else ""
    lines.append(f"took {duration(summary.seconds)}, {done / summary.seconds:,.0f} rows/s{resumed}")
    return lines


def document(summary: Summary, output: Path) -> dict[str, Any]:
    """Return the summary for programs."""
    journal = summary.journal
    return {
        "output": str(output),
        "submission": journal.submission,
        "rows": journal.tally.rows,
        "by_status": journal.tally.by_status,
        "refused": journal.tally.refused,
        "cost_usd": journal.tally.cost_usd,
        "baseline_usd": journal.tally.baseline_usd,
        "earlier_lines": summary.earlier_lines,
        "sent": summary.sent,
        "seconds": round(summary.seconds, 3),
    }
