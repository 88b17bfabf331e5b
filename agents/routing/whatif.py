"""`asahi whatif`: logged requests under another configuration."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import ValidationError

from agents.routing.comparison import Comparison, Side, compare
from agents.routing.configured import configured_predictor
from agents.routing.logged import SINCE, read_logged
from agents.routing.quality import Qualities
from agents.routing.replay import Logged, Replayer
from schemas.errors import ConfigurationError
from schemas.registry import ModelRegistry
from schemas.request import Strategy
from schemas.result import Result
from schemas.settings import RoutingSettings, Settings
from streams.cli.display import console, dollars, emit_json, plain_table, saved_share
from streams.cli.invocation import Invocation
from streams.cli.moments import Span
from streams.cli.signals import run_to_end
from streams.warehouse.client import Warehouse

NEWEST = 100_000
MOVES_SHOWN = 10
SIDES = ("then", "cost then", "quality then", "now", "cost now", "quality now")


@click.command()
@click.option("--config", "file", type=click.Path(path_type=Path), help="A models file, or a configuration.")
@click.option("--since", "seconds", type=Span(), default="1d", show_default=True, help="How far back: 90m, 12h, 7d.")
@click.option("--tau", type=click.FloatRange(0, 1), help="Minimum quality for requests that name none.")
@click.option("--lambda", "lambda_", type=click.FloatRange(min=0), help="Quality per US dollar; implies utility.")
@click.option("--strategy", type=click.Choice([each.value for each in Strategy]), help="For requests that name none.")
@click.option("--recorded", is_flag=True, help="Take the qualities that were predicted at the time.")
@click.option("--newest", type=click.IntRange(min=1), default=NEWEST, show_default=True, help="So many at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def whatif(
    invocation: Invocation,
    file: Path | None,
    seconds: int,
    tau: float | None,
    lambda_: float | None,
    strategy: str | None,
    recorded: bool,
    newest: int,
    as_json: bool,
) -> None:
    """Route logged requests again under another configuration, and compare cost and predicted quality by model.

    FILE is a models file, or a configuration of which `models_file` and the section `routing` count; what neither it
    nor another option says stays as it is. Nothing is called and nothing is changed.
    """
    settings = invocation.attached()
    models_file, routing = other_configuration(settings, file)
    routing = _with_options(routing, tau, lambda_, strategy)
    registry = ModelRegistry.load(models_file)
    predictor = configured_predictor(routing)
    qualities = None if predictor is None else Qualities(predictor, registry)
    replayer = Replayer(registry, routing, qualities, recorded=recorded)
    logged, bare = run_to_end(_read(settings, seconds, newest))
    found = compare(logged, bare, replayer, registry)
    if as_json:
        emit_json(_document(found, registry, routing))
    else:
        _show(found, registry)


async def _read(settings: Settings, seconds: int, newest: int) -> tuple[list[Logged], list[Result]]:
    async with Warehouse(settings.clickhouse) as warehouse:
        return await read_logged(warehouse, SINCE, {"seconds": seconds}, newest)


def other_configuration(settings: Settings, file: Path | None) -> tuple[Path, RoutingSettings]:
    """Return the models file and the routing settings that a file stands for, over those in force.

    Raises:
        ConfigurationError: It is missing or wrong.
    """
    if file is None:
        return settings.models_file, settings.routing
    try:
        document = yaml.safe_load(file.read_bytes())
    except OSError as missing:
        raise ConfigurationError(f"--config {file}: {missing.strerror}") from missing
    except yaml.YAMLError as wrong:
        raise ConfigurationError(f"--config {file}: is not YAML ({wrong})") from wrong
    if not isinstance(document, dict):
        raise ConfigurationError(f"--config {file}: needs a models file, or a configuration with the section routing")
    if "models" in document:
        return file, settings.routing
    try:
        routing = RoutingSettings.model_validate(
            settings.routing.model_dump(exclude_unset=True) | (document.get("routing") or {})
        )
    except (ValidationError, TypeError) as wrong:
        first = wrong.errors()[0] if isinstance(wrong, ValidationError) else {"loc": (), "msg": str(wrong)}
        field = ".".join(str(part) for part in ("routing", *first["loc"]))
        raise ConfigurationError(f"--config {file}: {field}: {first['msg']}") from wrong
    return Path(document.get("models_file") or settings.models_file), routing


def _with_options(
    routing: RoutingSettings, tau: float | None, lambda_: float | None, strategy: str | None
) -> RoutingSettings:
    changed: dict[str, Any] = {}
    if tau is not None:
        changed["min_quality"] = tau
    if lambda_ is not None:
        changed |= {"utility_lambda": lambda_, "strategy": Strategy.UTILITY}
    if strategy is not None:
        changed["strategy"] = Strategy(strategy)
    return routing.model_copy(update=changed)


def _show(found: Comparison, registry: ModelRegistry) -> None:
    out = console()
    then, now = found.total(found.then), found.total(found.now)
    if then.requests:
        table = plain_table("model", *SIDES, right=SIDES)
        for name in found.models:
            table.add_row(name, *_cells(found.then.get(name)), *_cells(found.now.get(name)))
        table.add_row("[bold]all[/bold]", *_cells(then), *_cells(now))
        out.print(table)
        out.print()
        moved = sum(count for (before, after), count in found.moves.items() if before != after)
        share = saved_share(now.cost_usd, then.cost_usd)
        out.print(
            f"{moved:,} of {then.requests:,} requests move to another model; they would all cost "
            f"{dollars(now.cost_usd)} instead of {dollars(then.cost_usd)}, {share}.",
            soft_wrap=True,
        )
        moves = [(pair, count) for pair, count in found.moves.most_common() if pair[0] != pair[1]]
        for (before, after), count in moves[:MOVES_SHOWN]:
            out.print(f"  {count:,} from {before} to {after}")
    else:
        out.print("no answered request to route again")
    for why, count in found.left_out.most_common():
        out.print(f"{count:,} not routed again: {why}", soft_wrap=True)
    out.print(
        f"models {registry.price_list}; now: the tokens of then at the price of the model chosen now",
        style="dim",
        soft_wrap=True,
    )


def _cells(side: Side | None) -> tuple[str, str, str]:
    if side is None:
        return ("-", "-", "-")
    quality = side.mean_quality
    return (f"{side.requests:,}", dollars(side.cost_usd), "-" if quality is None else f"{quality:.3f}")


def _document(found: Comparison, registry: ModelRegistry, routing: RoutingSettings) -> dict[str, Any]:
    return {
        "models": registry.price_list,
        "routing": {
            "strategy": routing.strategy.value,
            "min_quality": routing.min_quality,
            "utility_lambda": routing.utility_lambda,
        },
        "then": _side_document(found.then, found),
        "now": _side_document(found.now, found),
        "moves": [
            {"from": before, "to": after, "requests": count} for (before, after), count in found.moves.most_common()
        ],
        "left_out": dict(found.left_out.most_common()),
    }


def _side_document(sides: dict[str, Side], found: Comparison) -> dict[str, Any]:
    def figures(side: Side) -> dict[str, int | Decimal | float | None]:
        return {"requests": side.requests, "cost_usd": side.cost_usd, "predicted_quality": side.mean_quality}

    by_model = {name: figures(side) for name, side in sorted(sides.items())}
    return figures(found.total(sides)) | {"by_model": by_model}
