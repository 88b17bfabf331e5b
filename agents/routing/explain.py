"""`asahi explain`: why a request got its model, and whether it would again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from rich.table import Table

from agents.routing.configured import configured_predictor
from agents.routing.logged import BY_ID, read_calls, read_logged
from agents.routing.quality import Qualities
from agents.routing.replay import Logged, Replayer
from agents.routing.router import Route
from schemas.errors import ConfigurationError
from schemas.registry import ModelRegistry
from schemas.result import Check, Decision, Result
from schemas.settings import Settings
from schemas.wire import ProblemRecord
from streams.audits import access_audit, record
from streams.cli.display import console, dollars, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.warehouse.client import Row, Warehouse

SAME_ID_AT_MOST = 20
NUMBERS = ("quality", "expected $")
Told = tuple[Logged | None, Result, list[Row]]
"""Request and result, or the result alone; and the paid calls."""


@click.command()
@click.argument("request_id", metavar="REQUEST_ID")
@click.option("--tenant", default="", help="Whose request, where several tenants use this id.")
@click.option("--reason", help="Why you look; goes to the audit trail.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def explain(invocation: Invocation, request_id: str, tenant: str, reason: str | None, as_json: bool) -> None:
    """Show why a request got its model: every candidate with what was expected of it, and why it lost.

    Then the request is routed again with the models file and the settings as they are now.
    """
    settings = invocation.attached()
    logged, result, calls = run_to_end(_read(settings, request_id, tenant, reason))
    registry = ModelRegistry.load(settings.models_file)
    again = None if logged is None else _again(settings, registry, logged)
    if as_json:
        emit_json(_document(result, calls, again, registry))
    else:
        _show(result, calls, again, registry)


async def _read(settings: Settings, request_id: str, tenant: str, reason: str | None) -> Told:
    async with Warehouse(settings.clickhouse) as warehouse:
        parameters = {"id": request_id, "tenant": tenant}
        logged, bare = await read_logged(warehouse, BY_ID, parameters, SAME_ID_AT_MOST)
        results = [one.result for one in logged] + bare
        if not results:
            raise ConfigurationError(f"there is no result of request {request_id!r}; see `asahi status`")
        if len(results) > 1:
            tenants = ", ".join(sorted(result.tenant or "" for result in results))
            raise ConfigurationError(f"request {request_id!r} is of several tenants; name one by --tenant: {tenants}")
        (result,) = results
        # The prompt is read to route it again: whoever lets it be read is on record before.
        await record(
            settings.kafka, [access_audit("decision_explained", request_id, tenant=result.tenant, reason=reason)]
        )
        calls = await read_calls(warehouse, result.tenant or "", request_id)
        return (logged[0] if logged else None), result, calls


def _again(settings: Settings, registry: ModelRegistry, logged: Logged) -> Route | ProblemRecord | None:
    """Return the route as it would be now; None when there was no decision to make, or nobody to make it for."""
    if logged.result.decision is None or not logged.result.decision.candidates or logged.tenant is None:
        return None
    predictor = configured_predictor(settings.routing)
    qualities = None if predictor is None else Qualities(predictor, registry)
    (route,) = Replayer(registry, settings.routing, qualities).decide([logged])
    return route


def chosen_by(decision: Decision) -> str | None:
    """Return the model that a decision chose: the only candidate that did not lose, or a cascade's first step."""
    if decision.steps:
        return decision.steps[0].model
    return next((name for name in decision.candidates if name not in decision.lost), None)


def _same(decision: Decision | None, again: Route | ProblemRecord | None) -> bool | None:
    if decision is None or again is None:
        return None
    if not isinstance(again, Route) or again.targets[0].model != chosen_by(decision):
        return False
    return [step.model for step in again.choice.steps] == [step.model for step in decision.steps]


def _show(result: Result, calls: Sequence[Row], again: Route | ProblemRecord | None, registry: ModelRegistry) -> None:
    out = console()
    decision = result.decision
    facts = plain_table("", "")
    for heading, said in _facts(result):
        facts.add_row(f"[bold]{heading}[/bold]", said)
    out.print(facts)
    if decision is not None and (decision.candidates or decision.lost):
        out.print()
        out.print(_candidates(decision))
    if calls:
        out.print()
        out.print(_calls(calls))
    out.print()
    out.print(_verdict(decision, again, registry), soft_wrap=True)


def _facts(result: Result) -> list[tuple[str, str]]:
    decision = result.decision
    facts = [
        ("request", f"{result.id} of {result.tenant}, {result.completed_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("status", result.status + (f": {result.error.message}" if result.error else "")),
    ]
    if result.model is not None:
        tokens = f"{result.usage.input_tokens:,} tokens in, {result.usage.output_tokens:,} out"
        facts.append(("answered by", f"{result.model} at {result.provider}, {dollars(result.cost_usd)}, {tokens}"))
    if decision is not None:
        facts += [("decision", decision.reason), ("rule", decision.rule)]
        if decision.input_tokens is not None:
            marked = f", {decision.marked_tokens:,} marked for prompt caches" if decision.marked_tokens else ""
            facts.append(("input", f"{decision.input_tokens:,} tokens, estimated{marked}"))
        if decision.min_quality is not None:
            facts.append(("quality", f"{decision.min_quality:g} or more asked for"))
        if decision.task_type is not None and decision.task_confidence is not None:
            facts.append(("task type", f"{decision.task_type}, detected with {decision.task_confidence:.0%} or more"))
        if decision.models is not None:
            facts.append(("models", decision.models))
        if decision.survey is not None and not decision.lost:
            facts.append(("survey", f"{decision.survey} with the other models is not in the archive (yet)"))
    return facts + [("check", _checked(check)) for check in result.checks]


def _checked(check: Check) -> str:
    probability = "" if check.probability is None else f" ({check.probability:.2f})"
    said = f"{check.model} {'accepted' if check.accepted else 'not accepted'}{probability}: {check.reason}"
    return said if check.delivered_because is None else f"{said}; delivered, {check.delivered_because}"


def _candidates(decision: Decision) -> Table:
    lambda_ = decision.utility_lambda
    numbers = NUMBERS if lambda_ is None else (*NUMBERS, "utility")
    table = plain_table("model", *numbers, "", right=numbers)
    chosen = chosen_by(decision)
    steps = [step.model for step in decision.steps]
    known = sorted(decision.candidates.items(), key=lambda item: (item[0] != chosen, item[1].cost_usd, item[0]))
    for name, expected in known:
        figures = [f"{expected.quality:.3f}", f"{expected.cost_usd:f}"]
        if lambda_ is not None:
            figures.append(f"{expected.quality - lambda_ * float(expected.cost_usd):.6f}")
        lost = decision.lost.get(name)
        place = f"step {steps.index(name) + 1}" if name in steps else "chosen"
        said = f"[green]{place}[/green]" if lost is None else lost
        warm = f", {expected.cached_input_tokens:,} tokens cached" if expected.cached_input_tokens else ""
        table.add_row(name, *figures, said + warm)
    for name in sorted(decision.lost.keys() - decision.candidates.keys()):
        table.add_row(name, *["-"] * len(numbers), decision.lost[name])
    return table


def _calls(calls: Sequence[Row]) -> Table:
    right = ("attempt", "in", "out", "cost", "ms")
    table = plain_table("paid call", *right, "price list", right=right)
    for call in calls:
        table.add_row(
            f"{call['model']} at {call['provider']}",
            str(call["attempt"]),
            f"{call['input_tokens']:,}",
            f"{call['output_tokens']:,}",
            dollars(call["cost_usd"]),
            f"{call['latency_ms']:,.0f}",
            call["price_list"] + (" (made twice)" if call["superseded"] else ""),
        )
    return table


def _verdict(decision: Decision | None, again: Route | ProblemRecord | None, registry: ModelRegistry) -> str:
    now = f"with models {registry.price_list}"
    if again is None or decision is None:
        return "No model was chosen among candidates, so there is nothing to route again."
    if isinstance(again, ProblemRecord):
        return f"[yellow]Routed again {now}, it would be refused[/yellow]: {again.message}"
    if _same(decision, again):
        return f"[green]Routed again {now}, it gets the same model.[/green]"
    return f"[yellow]Routed again {now}, it gets another model[/yellow]: {again.choice.reason}"


def _document(
    result: Result, calls: Sequence[Row], again: Route | ProblemRecord | None, registry: ModelRegistry
) -> dict[str, Any]:
    decision = result.decision
    return {
        "result": result.model_dump(mode="json", exclude={"output"}),
        "chosen": None if decision is None else chosen_by(decision),
        "calls": [call | {"occurred_at": call["occurred_at"].isoformat()} for call in calls],
        "again": {
            "models": registry.price_list,
            "same": _same(decision, again),
            "model": again.targets[0].model if isinstance(again, Route) else None,
            "reason": again.choice.reason if isinstance(again, Route) else None,
            "problem": again.message if isinstance(again, ProblemRecord) else None,
        },
    }
