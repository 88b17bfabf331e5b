"""`asahi status`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click
from aiokafka.errors import KafkaError

from schemas.errors import AsahiError
from schemas.settings import MetricsSettings, Settings, Signatures
from streams.cli.display import console, duration, emit_json, plain_table
from streams.cli.invocation import Invocation, processes_of
from streams.cli.processes import ProcessLine, process_lines, show_processes
from streams.cli.signals import run_to_end
from streams.cli.totals import Totals, read_totals, sentences
from streams.health import StageHealth, Verdict, stage_health
from streams.metrics.joining import addresses, ask
from streams.presence import WorkerLine, present_workers

COLOURS = {Verdict.OK: "green", Verdict.BEHIND: "yellow", Verdict.DOWN: "red"}
PIPELINE, SINK, ANALYST = "pipeline", "sink", "analyst"
REQUIRED = Signatures.REQUIRED.value
UNSIGNED_MODE = (
    "UNSIGNED MODE: whoever can write to asahi.requests can send requests as any tenant; "
    "set governance.signatures to required wherever that matters"
)
WORKERS_SECONDS = 5.0
SHORT_NAME = 8
NUMBERS = ("lag", "oldest", "members")


@dataclass(frozen=True, slots=True)
class Findings:
    """What broker and ClickHouse answered; an error in words where one did not."""

    stages: list[StageHealth] | str
    totals: Totals | str
    workers: list[WorkerLine] = field(default_factory=list)
    processes: list[ProcessLine] = field(default_factory=list)


@click.command()
@click.option("--only", type=click.Choice([PIPELINE, SINK, ANALYST]), help="Look at the health of one of them.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status(invocation: Invocation, only: str | None, as_json: bool) -> int:
    """Show lag and health of every stage, and the totals from ClickHouse.

    The exit code is 0 when all is well, and 1 when a stage is down or behind, or broker or ClickHouse do not answer.
    The analyst, whom no request needs, counts only with --only analyst.
    """
    settings = invocation.attached()
    findings = run_to_end(_look(settings, processes_of(settings)))
    well = healthy(findings, only)
    if as_json:
        emit_json(_document(settings, findings, well))
    else:
        _show(settings, findings)
        if isinstance(findings.stages, str) and (absence := invocation.absence()):
            console().print(absence, soft_wrap=True)
    return 0 if well else 1


async def _look(settings: Settings, own: Mapping[str, str]) -> Findings:
    stages, totals, processes = await asyncio.gather(
        stage_health(settings),
        read_totals(settings.clickhouse),
        _processes(settings.metrics, own),
        return_exceptions=True,
    )
    workers = [] if isinstance(stages, BaseException) else await _workers(settings)
    for outcome in (stages, totals, processes):
        if isinstance(outcome, BaseException) and not isinstance(outcome, AsahiError):
            raise outcome
    return Findings(
        str(stages) if isinstance(stages, BaseException) else stages,
        str(totals) if isinstance(totals, BaseException) else totals,
        workers,
        [] if isinstance(processes, BaseException) else processes,
    )


async def _processes(metrics: MetricsSettings, own: Mapping[str, str]) -> list[ProcessLine]:
    """Return what the processes of the running stack say of themselves, and those that `metrics.targets` names."""
    everybody = {**own, **await addresses(metrics.targets)}
    return process_lines(await ask(everybody, metrics.timeout_seconds))


async def _workers(settings: Settings) -> list[WorkerLine]:
    """Return what the workers say of themselves; nothing where their topic does not exist yet."""
    try:
        async with asyncio.timeout(WORKERS_SECONDS):
            return await present_workers(settings.kafka, time.time())
    except (TimeoutError, KafkaError):
        return []


def healthy(findings: Findings, only: str | None) -> bool:
    """Return whether all is well with what `only` names, or with everything that requests need."""
    if isinstance(findings.stages, str) or (isinstance(findings.totals, str) and only != PIPELINE):
        return False
    wanted = (PIPELINE, SINK) if only is None else (only,)
    looked_at = [stage for stage in findings.stages if _kind(stage) in wanted]
    return all(stage.verdict is Verdict.OK for stage in looked_at)


def _kind(stage: StageHealth) -> str:
    return stage.stage if stage.stage in (SINK, ANALYST) else PIPELINE


def _show(settings: Settings, findings: Findings) -> None:
    out = console()
    if isinstance(findings.stages, str):
        out.print(f"[red]broker[/red]      {findings.stages}", soft_wrap=True)
    else:
        out.print(_stage_table(findings.stages))
        out.print()
        _show_workers(findings.workers)
    out.print()
    show_processes(findings.processes)
    if isinstance(findings.totals, str):
        out.print(f"[red]ClickHouse[/red]  {findings.totals}", soft_wrap=True)
        return
    table = plain_table("", "")
    for heading, said in sentences(findings.totals):
        table.add_row(f"[bold]{heading}[/bold]", said)
    out.print(table)
    out.print(f"Kafka {settings.kafka.bootstrap} · ClickHouse {settings.clickhouse.url}", style="dim", soft_wrap=True)


def _show_workers(workers: Sequence[WorkerLine]) -> None:
    """Show what each worker knows of governance, and whether somebody lets in who proves nothing."""
    out = console()
    if workers:
        table = plain_table("worker", "governance", "behind", "known until", "signatures", right=("behind",))
        now = time.time()
        for line in workers:
            ago = f"{duration(max(0.0, now - line.caught_up_at))} ago" if line.caught_up_at else "never"
            known = f"offset {line.governance_offset:,}"
            signatures = line.signatures if line.signatures == REQUIRED else f"[yellow]{line.signatures}[/yellow]"
            table.add_row(line.worker[:SHORT_NAME], known, f"{line.governance_behind:,}", ago, signatures)
        out.print(table)
    if any(line.signatures != REQUIRED for line in workers):
        out.print(f"[yellow bold]{UNSIGNED_MODE}[/yellow bold]", soft_wrap=True)


def _stage_table(stages: Sequence[StageHealth]) -> Any:
    table = plain_table("stage", "topic", *NUMBERS, "", right=NUMBERS)
    for stage in stages:
        colour = COLOURS[stage.verdict]
        oldest = duration(stage.oldest_seconds) if stage.lag else "-"
        verdict = f"[{colour}]{stage.verdict}[/{colour}]"
        table.add_row(stage.stage, stage.topic, f"{stage.lag:,}", oldest, str(stage.members), verdict)
    return table


def _document(settings: Settings, findings: Findings, well: bool) -> dict[str, object]:
    stages, totals = findings.stages, findings.totals
    return {
        "healthy": well,
        "kafka": {
            "bootstrap": settings.kafka.bootstrap,
            "error": stages if isinstance(stages, str) else None,
        },
        "clickhouse": {
            "url": settings.clickhouse.url,
            "database": settings.clickhouse.database,
            "error": totals if isinstance(totals, str) else None,
        },
        "workers": [_worker_document(line) for line in findings.workers],
        "processes": [line.document() for line in findings.processes],
        "unsigned_mode": any(line.signatures != REQUIRED for line in findings.workers),
        "stages": [] if isinstance(stages, str) else [_stage_document(stage) for stage in stages],
        "totals": None if isinstance(totals, str) else totals,
    }


def _worker_document(line: WorkerLine) -> dict[str, object]:
    return {
        "worker": line.worker,
        "signatures": line.signatures,
        "governance": {
            "offset": line.governance_offset,
            "behind": line.governance_behind,
            "caught_up_seconds_ago": round(max(0.0, time.time() - line.caught_up_at), 3),
        },
    }


def _stage_document(stage: StageHealth) -> dict[str, object]:
    return {
        "stage": stage.stage,
        "topic": stage.topic,
        "group": stage.group,
        "verdict": stage.verdict.value,
        "members": stage.members,
        "group_state": stage.state,
        "lag": stage.lag,
        "oldest_seconds": round(stage.oldest_seconds, 3),
        "partitions": [
            {
                "partition": partition.partition,
                "committed": partition.committed,
                "end": partition.end,
                "lag": partition.lag,
                "oldest_seconds": round(partition.oldest_seconds, 3),
            }
            for partition in stage.partitions
        ],
    }
