"""`asahi recost`: what the logged calls cost under another price list, and writing that down."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from agents.accounting.correction import Difference, Place, Recount
from agents.accounting.logged import logged_calls, publish
from schemas.registry import ModelRegistry
from schemas.settings import Settings
from streams.cli.display import console, dollars, emit_json, plain_table, side_console
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.outbox import Outbox
from streams.warehouse.client import Warehouse

MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
END_OF_TIME = datetime(2299, 1, 1)  # noqa: DTZ001 - as click gives moments; ClickHouse knows no later ones
NUMBERS = ("calls", "changed", "no price", "before", "after", "difference")


@click.command()
@click.option(
    "--since",
    required=True,
    type=click.DateTime(MOMENTS),
    metavar="MOMENT",
    help="Calls begun then or later: 2026-11-01, or 2026-11-01T06:30:00, in UTC.",
)
@click.option(
    "--until",
    default=END_OF_TIME,
    show_default="now",
    type=click.DateTime(MOMENTS),
    metavar="MOMENT",
    help="And before.",
)
@click.option(
    "--prices",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A models file with the prices to take.  [default: the configured one]",
)
@click.option("--apply", "applied", is_flag=True, help="Send the corrected costs to the log.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def recost(
    invocation: Invocation, since: datetime, until: datetime, prices: Path | None, applied: bool, as_json: bool
) -> None:
    """Show what the logged calls cost under another price list.

    Nothing is changed unless --apply is given. Then every call whose cost differs gets a usage event with the new
    cost, which takes the place of its row in the usage table; the archive keeps both.
    """
    settings = invocation.attached()
    registry = ModelRegistry.load(settings.models_file if prices is None else prices)
    span = (since.replace(tzinfo=UTC), until.replace(tzinfo=UTC))
    with side_console().status("pricing the logged calls again"):
        recount = run_to_end(count_again(settings, registry, *span, apply_at=datetime.now(UTC) if applied else None))
    if as_json:
        emit_json(report(recount, span[0], applied=applied))
    else:
        show(recount, applied=applied)


async def count_again(
    settings: Settings, registry: ModelRegistry, since: datetime, until: datetime, apply_at: datetime | None = None
) -> Recount:
    """Price the logged calls of a span of time again.

    Args:
        settings: Where ClickHouse and the log are.
        registry: The prices.
        since: Calls begun then or later.
        until: And before.
        apply_at: Send the corrections to the log, as of this time; None only counts.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing or not those of this release.
        BrokerUnavailable: There is no log to send corrections to.
    """
    recount = Recount(registry)
    async with AsyncExitStack() as open_:
        warehouse = await open_.enter_async_context(Warehouse(settings.clickhouse))
        outbox = await open_.enter_async_context(Outbox(settings.kafka)) if apply_at is not None else None
        async for calls in logged_calls(warehouse, since, until):
            corrections = recount.add(calls)
            if outbox is not None and apply_at is not None and corrections:
                await publish(outbox, settings.kafka, corrections, apply_at)
    return recount


def report(recount: Recount, since: datetime, *, applied: bool) -> dict[str, Any]:
    """Return the outcome for programs."""
    return {
        "since": since.isoformat(),
        "price_list": recount.registry.price_list,
        "applied": applied,
        "total": _figures(recount.total()),
        "differences": [{**place._asdict(), **_figures(seen)} for place, seen in _dearest_first(recount)],
    }


def _figures(seen: Difference) -> dict[str, Any]:
    return {
        "calls": seen.calls,
        "changed": seen.changed,
        "unpriced": seen.unpriced,
        "before_usd": seen.before_usd,
        "after_usd": seen.after_usd,
        "difference_usd": seen.difference_usd,
    }


def _dearest_first(recount: Recount) -> list[tuple[Place, Difference]]:
    return sorted(recount.differences.items(), key=lambda item: (-abs(item[1].difference_usd), item[0]))


def show(recount: Recount, *, applied: bool) -> None:
    """Print the outcome for people."""
    out = console()
    if not recount.differences:
        out.print("no calls since then")
        return
    table = plain_table("model", *NUMBERS, "priced by", right=NUMBERS)
    for place, seen in _dearest_first(recount):
        table.add_row(place.model, *_cells(seen), place.price_list)
    total = recount.total()
    table.add_row("[bold]all[/bold]", *_cells(total), "")
    out.print(table)
    out.print(f"under {recount.registry.price_list}")
    if applied:
        out.print(f"{total.changed:,} corrections sent; the usage table shows them in a second or two")
    elif total.changed:
        out.print("nothing was changed; --apply sends the corrections to the log")


def _cells(seen: Difference) -> tuple[str, ...]:
    counts = (f"{count:,}" for count in (seen.calls, seen.changed, seen.unpriced))
    sign = "+" if seen.difference_usd > 0 else ""
    amounts = (dollars(seen.before_usd), dollars(seen.after_usd), sign + dollars(seen.difference_usd))
    return (*counts, *amounts)
