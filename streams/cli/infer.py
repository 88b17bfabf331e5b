"""`asahi infer`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from uuid import uuid4

import click
import orjson
from pydantic import ValidationError

from schemas.errors import ConfigurationError
from schemas.request import Constraints, Mode, Request
from schemas.result import Result, Status
from streams.cli.content import keys_of
from streams.cli.display import console, dollars, duration, saved_share, side_console
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.cli.signed import key_option, signer_of
from streams.cli.simulated import runs_simulated, simulated_only
from streams.cli.submit import tenant_of
from streams.submission.single import ask

PATIENCE_SECONDS = 120.0
MS_PER_SECOND = 1000


@click.command()
@click.option("--prompt", required=True, help="What to ask.")
@click.option("--model", help="Ask this one, instead of the cheapest that will do.")
@click.option("--min-quality", type=click.FloatRange(0, 1), help="Least predicted quality of the model.")
@click.option("--tenant", help="Who asks; the first configured tenant by default.")
@click.option("--mock", is_flag=True, help="Let no call leave this machine: every answer is simulated.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=PATIENCE_SECONDS, show_default=True)
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print the whole result event.")
@click.pass_obj
def infer(
    invocation: Invocation,
    prompt: str,
    model: str | None,
    min_quality: float | None,
    tenant: str | None,
    mock: bool,
    timeout: float,
    key: str | None,
    as_json: bool,
) -> int:
    """Ask one question and print the answer, with the model that gave it and what it cost.

    With --mock a stack is started for this one question unless one is running; it takes a few seconds.
    """
    settings = invocation.attached()
    request = _request(prompt, model, min_quality, tenant_of(tenant, settings))
    if mock and not runs_simulated(settings):
        value = run_to_end(_ask_a_stack_of_its_own(invocation, request, timeout))
    else:
        value = run_to_end(ask(request, settings.kafka, timeout, signer_of(key, settings), keys_of(settings)))
    if value is None:
        raise click.ClickException(
            f"no result within {timeout:g} s; `asahi status` says which stage is down or behind, and "
            "`asahi deadletter list` whether the message was refused"
        )
    result = Result.model_validate_json(value)
    if as_json:
        click.echo(orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2).decode())
    else:
        _show(result)
    return 0 if result.status in (Status.COMPLETED, Status.CACHED) else 1


def _request(prompt: str, model: str | None, min_quality: float | None, tenant: str) -> Request:
    try:
        return Request(
            id=f"infer-{uuid4()}",
            tenant=tenant,
            prompt=prompt,
            mode=Mode.AUTOPILOT if model is None else Mode.EXPLICIT,
            model=model,
            constraints=Constraints(min_quality=min_quality),
        )
    except ValidationError as wrong:
        first = wrong.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{field or 'request'}: {first['msg']}") from wrong


async def _ask_a_stack_of_its_own(invocation: Invocation, request: Request, patience: float) -> bytes | None:
    from streams.cli.local_stack import local_stack  # half a second of imports that only this case needs

    side = side_console()
    with tempfile.TemporaryDirectory(prefix="asahi-infer-") as folder, side.status("starting") as status:
        async with local_stack(simulated_only(invocation, Path(folder)), 1, status.update) as stack:
            status.update("waiting for the answer")
            return await ask(request, stack.settings.kafka, patience)


def _show(result: Result) -> None:
    out = console()
    if result.output is not None:
        click.echo(result.output.content or orjson.dumps(result.output.tool_calls).decode())
    if result.sealed is not None and result.sealed.content is not None:
        out.print("the answer is sealed, and its data key is not within reach", soft_wrap=True)
    if result.error is not None:
        out.print(f"[red]{result.status}[/red] {result.error.code}: {result.error.message}", soft_wrap=True)
        out.print(f"what to do: {result.error.remedy}", soft_wrap=True)
        return
    parts = [result.model or "", result.status.value, dollars(result.cost_usd)]
    if result.baseline is not None:
        saved = saved_share(result.cost_usd, result.baseline.cost_usd)
        parts.append(f"{saved} than {result.baseline.model}")
    parts.append(duration(result.latency_ms / MS_PER_SECOND))
    side_console().print(" · ".join(parts), style="dim", soft_wrap=True)
    if result.decision is not None:
        side_console().print(result.decision.reason, style="dim", soft_wrap=True)
