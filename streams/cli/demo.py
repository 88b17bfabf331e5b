"""`asahi demo`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from schemas.errors import ConfigurationError, EmbeddedServiceError
from schemas.settings import Settings
from streams.cli.display import console, duration, plain_table, program, side_console
from streams.cli.invocation import Invocation
from streams.cli.local_stack import local_stack
from streams.cli.progress import shown
from streams.cli.signals import run_to_end
from streams.cli.simulated import simulated_only
from streams.cli.totals import Totals, by_status, paid, read_totals, sentences, spent
from streams.embedded.state import find_stack
from streams.submission.job import Job
from streams.submission.submission import Summary, submit
from streams.submission.workload import workload

FOLDER = "demo"
REQUESTS = 2000
SEED = 2026
CATCH_UP_SECONDS = 30.0
CONCURRENCY = 500
"""Few enough that repeated questions also come after their answer, and not only while it is under way."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo did, by its own count and by ClickHouse's."""

    summary: Summary
    totals: Totals
    output: Path


@click.command()
@click.option("--requests", type=click.IntRange(min=1), default=REQUESTS, show_default=True, help="How many.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Pipeline workers.")
@click.pass_obj
def demo(invocation: Invocation, requests: int, workers: int) -> None:
    """Answer a made-up workload on a stack of its own with simulated models, and sum up what ClickHouse says.

    Nothing leaves this machine. The stack's folder is emptied first and kept afterwards, to be looked at.
    """
    folder = invocation.settings().embedded.data_dir / FOLDER
    if find_stack(folder) is not None:
        raise ConfigurationError(f"a stack runs on {folder}, which the demo would empty; stop it first")
    shutil.rmtree(folder, ignore_errors=True)
    outcome = run_to_end(_show_all(simulated_only(invocation, folder), requests, workers))
    _print(outcome, folder)


async def _show_all(settings: Settings, requests: int, workers: int) -> Outcome:
    side = side_console()
    folder = settings.embedded.data_dir
    folder.mkdir(parents=True, mode=0o700)
    job = Job(
        folder / "requests.jsonl", folder / "results.jsonl", settings.tenants[0].tenant, concurrency=CONCURRENCY
    )
    with job.input.open("wb") as file:
        file.writelines(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in workload(requests, SEED))
    side.print(f"wrote {requests:,} requests to {job.input}", soft_wrap=True)
    async with local_stack(settings, workers, side.print) as stack:
        with shown(side, f"answering {requests:,} requests") as observe:
            summary = await submit(job, stack.settings, observe)
        side.print("waiting until everything is in ClickHouse")
        if not await stack.crew.sink_caught_up(CATCH_UP_SECONDS):
            raise EmbeddedServiceError(f"the sink did not catch up; see {folder / 'sink.log'}")
        return Outcome(summary, await read_totals(stack.settings.clickhouse), job.output)


def _print(outcome: Outcome, folder: Path) -> None:
    out = console()
    summary, totals = outcome.summary, outcome.totals
    rows = summary.journal.tally.rows
    out.print()
    out.print(
        f"[bold]{rows:,} requests answered in {duration(summary.seconds)}, {rows / summary.seconds:,.0f}/s.[/bold] "
        "ClickHouse says:",
        soft_wrap=True,
    )
    table = plain_table("", "")
    for heading, said in sentences(totals):
        table.add_row(f"[bold]{heading}[/bold]", said)
    out.print(table)
    again = f"{program()} --data-dir {folder}"
    for line in (
        f"[bold]adds up[/bold]  {adds_up(outcome)}",
        f"[bold]results[/bold]  {outcome.output}",
        "",
        "Try next",
        f"  head -n 1 {outcome.output}",
        f"  {again} up          # the same stack again, with what the demo left; beside it:",
        f"  {again} status --json",
        f'  {again} infer --prompt "Good morning"',
    ):
        out.print(line, soft_wrap=True)


def adds_up(outcome: Outcome) -> str:
    """Compare our own count with ClickHouse's; return that they agree.

    Raises:
        EmbeddedServiceError: They differ.
    """
    tally = outcome.summary.journal.tally
    ours = (dict(tally.by_status), tally.cost_usd, tally.baseline_usd)
    theirs = (by_status(outcome.totals), *spent(outcome.totals))
    if ours != theirs:
        raise EmbeddedServiceError(f"results and ClickHouse differ: {ours} against {theirs}")
    if paid(outcome.totals) != tally.cost_usd:
        raise EmbeddedServiceError(f"results cost {tally.cost_usd}, but calls {paid(outcome.totals)}")
    return "results file, results table and paid calls agree to the last digit"
