"""`asahi models`: the models that can be asked, side by side."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

import click

from schemas.errors import ConfigurationError
from schemas.prices import cost_of
from schemas.registry import Capability, ModelRegistry, ModelSpec
from schemas.wire import Tokens, plain
from streams.cli.display import console, dollars, emit_json, plain_table
from streams.cli.invocation import Invocation

INPUT_TOKENS = 1_000
OUTPUT_TOKENS = 300
MARKS = {Capability.TOOLS: "tools", Capability.JSON: "json", Capability.VISION: "vision"}
NUMBERS = ("window", "quality", "in $/M", "out $/M", "example", "1st ms", "tok/s")
THOUSAND, MILLION = 1_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Example:
    """The request that models are compared by.

    Attributes:
        task_type: Whose quality counts; None for the default.
    """

    input_tokens: int
    output_tokens: int
    task_type: str | None

    def cost(self, spec: ModelSpec) -> Decimal:
        """Return what it costs, in US dollars."""
        return cost_of(Tokens(self.input_tokens, 0, self.output_tokens), spec.price)

    def quality(self, spec: ModelSpec) -> float:
        """Return how good its answer is predicted to be."""
        return spec.quality_for(self.task_type)


Order = Callable[[ModelSpec, Example], float | Decimal | str]
ORDERS: dict[str, Order] = {
    "cost": lambda spec, example: example.cost(spec),
    "quality": lambda spec, example: -example.quality(spec),
    "speed": lambda spec, example: spec.latency_ms(example.output_tokens),
    "window": lambda spec, _: -spec.context_window,
    "name": lambda spec, _: spec.name,
}


@click.command()
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@click.option("--sort", type=click.Choice(list(ORDERS)), default="cost", show_default=True, help="What comes first.")
@click.option("--task-type", help="Show the quality for this kind of task, such as coding.")
@click.option("--input-tokens", type=click.IntRange(min=0), default=INPUT_TOKENS, show_default=True, help="Example.")
@click.option(
    "--output-tokens", type=click.IntRange(min=0), default=OUTPUT_TOKENS, show_default=True, help="Example."
)
@click.option("--file", type=click.Path(path_type=Path), help="Another models file than the configured one.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def models(
    invocation: Invocation,
    names: tuple[str, ...],
    sort: str,
    task_type: str | None,
    input_tokens: int,
    output_tokens: int,
    file: Path | None,
    as_json: bool,
) -> None:
    """List the models that can be asked, with the price of an example request; name some to compare them.

    The models file is checked on the way: whatever is wrong in it is said with its line.
    """
    path = file or invocation.settings().models_file
    registry = ModelRegistry.load(path)
    example = Example(input_tokens, output_tokens, task_type)
    chosen = [_named(name, registry) for name in names] or list(registry)
    chosen.sort(key=lambda spec: (ORDERS[sort](spec, example), spec.name))
    if as_json:
        emit_json(_document(registry, chosen, example))
    elif names:
        _compare(chosen, example)
    else:
        _list(chosen, example)
        console().print(
            f"{len(chosen)} models of {path}, version {registry.price_list} · example: {input_tokens:,} tokens in, "
            f"{output_tokens:,} out",
            style="dim",
            soft_wrap=True,
        )


def _named(name: str, registry: ModelRegistry) -> ModelSpec:
    spec = registry.get(name)
    if spec is None:
        known = [each.name for each in registry]
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
        raise ConfigurationError(f"there is no model {name!r}; {hint}")
    return spec


def _list(specs: Sequence[ModelSpec], example: Example) -> None:
    table = plain_table("model", *NUMBERS, "can", right=NUMBERS)
    for spec in specs:
        price = spec.price
        table.add_row(
            spec.name,
            _tokens(spec.context_window),
            f"{example.quality(spec):.2f}",
            plain(price.input),
            plain(price.output),
            dollars(example.cost(spec)),
            f"{spec.speed.first_token_ms:,.0f}",
            f"{spec.speed.tokens_per_second:,.0f}",
            _abilities(spec),
        )
    console().print(table)


def _compare(specs: Sequence[ModelSpec], example: Example) -> None:
    table = plain_table("", *(spec.name for spec in specs))
    for heading, said in _aspects(specs, example):
        table.add_row(f"[bold]{heading}[/bold]", *(said(spec) for spec in specs))
    console().print(table)
    for spec in specs:
        console().print(f"[bold]{spec.name}[/bold]: quality {spec.quality_source}", soft_wrap=True)
        if spec.price_note:
            console().print(f"[bold]{spec.name}[/bold]: price {spec.price_note}", soft_wrap=True)


def _aspects(specs: Sequence[ModelSpec], example: Example) -> list[tuple[str, Callable[[ModelSpec], str]]]:
    cheapest = min(example.cost(spec) for spec in specs)

    def against_cheapest(spec: ModelSpec) -> str:
        cost = example.cost(spec)
        times = f" ({cost / cheapest:.1f}x)" if cheapest and cost != cheapest else ""
        return f"{dollars(cost)}{times}"

    tasks = sorted({task for spec in specs for task in spec.quality} - {"default"})
    qualities = [(f"quality {task}", partial(_quality, task)) for task in ("default", *tasks)]
    return [
        ("example request", against_cheapest),
        ("whole answer", lambda spec: f"{spec.latency_ms(example.output_tokens) / THOUSAND:.1f} s"),
        *qualities,
        ("input $/M", lambda spec: plain(spec.price.input)),
        ("cached input $/M", lambda spec: plain(spec.price.cached_input) if spec.price.cached_input else "-"),
        ("output $/M", lambda spec: plain(spec.price.output)),
        ("context window", lambda spec: f"{spec.context_window:,}"),
        ("longest answer", lambda spec: f"{spec.max_output_tokens:,}"),
        ("can", _abilities),
        ("lanes", lambda spec: " ".join(spec.lanes)),
        ("providers", lambda spec: " ".join(spec.providers)),
    ]


def _quality(task: str, spec: ModelSpec) -> str:
    return f"{spec.quality_for(task):.2f}" + ("" if task in spec.quality else " (default)")


def _abilities(spec: ModelSpec) -> str:
    return " ".join(word for capability, word in MARKS.items() if capability in spec.capabilities) or "-"


def _tokens(count: int) -> str:
    return f"{count / MILLION:g}M" if count % MILLION == 0 else f"{count / THOUSAND:,.0f}k"


def _document(registry: ModelRegistry, specs: Sequence[ModelSpec], example: Example) -> dict[str, object]:
    return {
        "version": registry.price_list,
        "example": {
            "input_tokens": example.input_tokens,
            "output_tokens": example.output_tokens,
            "task_type": example.task_type,
        },
        "models": [
            spec.model_dump(mode="json")
            | {
                "example_cost_usd": example.cost(spec),
                "example_quality": example.quality(spec),
                "example_latency_ms": spec.latency_ms(example.output_tokens),
            }
            for spec in specs
        ],
    }
