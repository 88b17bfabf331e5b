"""`asahi up`."""

from __future__ import annotations

import asyncio

import click

from schemas.errors import EmbeddedServiceError
from schemas.settings import Settings, Signatures
from streams.cli.display import console, program_on, side_console
from streams.cli.invocation import Invocation
from streams.cli.local_stack import LocalStack, local_stack
from streams.cli.signals import run_to_end, until_signalled
from streams.metrics.endpoint import endpoint
from streams.metrics.joint import Joint

LOOK_SECONDS = 0.5
EXAMPLE_SQL = "SELECT status, count() FROM results GROUP BY status"


@click.command()
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Pipeline workers.")
@click.pass_obj
def up(invocation: Invocation, workers: int) -> None:
    """Start broker, ClickHouse, workers, sink and analyst on this machine, and keep them running until Ctrl-C."""
    run_to_end(_up(invocation.settings(), workers))


async def _up(settings: Settings, workers: int) -> None:
    side = side_console()
    with side.status("starting") as status:

        def tell(what: str) -> None:
            status.update(what)
            if not side.is_terminal:
                side.print(what)

        async with local_stack(settings, workers, tell) as stack:
            joint = Joint(stack.settings, lambda: stack.crew.endpoints)
            async with endpoint(settings.metrics, joint.figures, joint.condition, required=True) as metrics:
                stack.services.announce(stack.crew.endpoints, metrics)
                status.stop()
                for line in _welcome(stack, metrics):
                    console().print(line, soft_wrap=True)
                await _until_stopped(stack)
            status.start()


async def _until_stopped(stack: LocalStack) -> None:
    """Wait for a signal, or for the broker's death, which ends everything: its log was in memory.

    Raises:
        EmbeddedServiceError: The broker died.
    """
    signalled = asyncio.create_task(until_signalled())
    while not signalled.done():
        broker = stack.services.broker.process
        if not broker.alive:
            raise EmbeddedServiceError(
                f"the embedded broker died, and its log with it, see {broker.log_path}; "
                "run `asahi up` again, the archive restores what was under way"
            )
        await asyncio.wait([signalled], timeout=LOOK_SECONDS)


def _welcome(stack: LocalStack, metrics: str | None) -> list[str]:
    data_dir = stack.settings.embedded.data_dir
    asahi = program_on(data_dir)
    lines = [
        "[bold]asahi is up[/bold]",
        f"  Kafka        {stack.state.bootstrap}",
        f"  ClickHouse   {stack.state.clickhouse_url}  (database {stack.settings.clickhouse.database})",
        f"  data, logs   {data_dir}",
        f"  tenants      {', '.join(stack.tenants) or 'none: list some under tenants in config.yaml'}",
    ]
    if metrics is not None:
        lines.insert(3, f"  Prometheus   http://{metrics}/metrics")
    if stack.restored.requests:
        lines.append(f"  restored     {stack.restored.requests} messages with unfinished requests")
    if stack.settings.governance.signatures is not Signatures.REQUIRED:
        mode = stack.settings.governance.signatures.value
        lines.append(
            f"  [yellow]signatures   {mode}: UNSIGNED MODE, nobody has to prove who sends a request[/yellow]"
        )
    lines += [
        "",
        "Beside it, try",
        f'  {asahi} infer --prompt "Good morning"',
        f"  {asahi} submit requests.jsonl --output results.jsonl",
        f"  {asahi} status",
        f"  curl '{stack.state.clickhouse_url}/?database={stack.settings.clickhouse.database}' -d '{EXAMPLE_SQL}'",
        "Ctrl-C stops it.",
    ]
    return lines
