"""`asahi metrics`."""

from __future__ import annotations

import click

from schemas.errors import ConfigurationError
from streams.cli.invocation import Invocation, processes_of
from streams.cli.signals import run_to_end, until_signalled
from streams.metrics import catalogue
from streams.metrics.endpoint import endpoint
from streams.metrics.exposition import exposition
from streams.metrics.joining import total
from streams.metrics.joint import Joint


@click.command()
@click.option("--serve", is_flag=True, help="Answer /metrics and /health at metrics.host and metrics.port instead.")
@click.pass_obj
def metrics(invocation: Invocation, serve: bool) -> int:
    """Print the figures of all processes and stages, as Prometheus reads them.

    The exit code is 1 when the broker or a process did not answer.
    """
    return run_to_end(_serve(invocation) if serve else _print(invocation))


async def _print(invocation: Invocation) -> int:
    joint = _joint(invocation)
    families = list(await joint.figures())
    click.echo(await exposition(families), nl=False)
    processes = await joint.processes()
    answered = total(families, catalogue.PROCESS_UP)
    return 0 if total(families, catalogue.BROKER_UP) and answered == len(processes) else 1


async def _serve(invocation: Invocation) -> int:
    settings = invocation.attached()
    if not settings.metrics.enabled:
        raise ConfigurationError("metrics.enabled is false: set it to true (ASAHI_METRICS_ENABLED)")
    joint = _joint(invocation)
    async with endpoint(settings.metrics, joint.figures, joint.condition, required=True) as place:
        click.echo(f"http://{place}/metrics")
        await until_signalled()
    return 0


def _joint(invocation: Invocation) -> Joint:
    return Joint(invocation.attached(), lambda: processes_of(invocation.settings()))
