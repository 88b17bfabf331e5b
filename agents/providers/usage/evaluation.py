"""`asahi evaluate cost`: recorded usage bodies through our extraction and our prices, as a CSV file."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from agents.providers.usage.recorded import Priced, price_bodies, stated
from schemas.errors import ConfigurationError
from schemas.prices import CostParts
from schemas.prices_published import edition
from schemas.wire import plain
from streams.cli.display import console, emit_json, plain_table

COLUMNS = ("row", "provider", "api_flavor", "model", "input_price", "output_price")
RECORDED_ON = "2025-11-01"
"""Bodies carry no time. The sets we know agree with the price lists of this day; see docs/costs.md."""


@click.command()
@click.option(
    "--usages",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Recorded bodies with the extractors to price them by, JSON, gzipped or not.",
)
@click.option("--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="CSV file to write.")
@click.option(
    "--at",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    default=RECORDED_ON,
    show_default=True,
    help="Day whose prices to take.",
)
@click.option("--compare", is_flag=True, help="Count the rows that equal the prices stated in the file.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def cost(usages: Path, output: Path, day: datetime, compare: bool, as_json: bool) -> None:
    """Price recorded usage bodies of providers.

    Writes one line per body and extractor listed for it, in US dollars; a line without prices could not be priced.
    The prices that the file states are not read, except to compare.
    """
    entries = read_bodies(usages)
    try:
        rows = list(price_bodies(entries, day.date()))
        wanted = stated(entries) if compare else []
    except (KeyError, TypeError, ArithmeticError) as wrong:
        raise ConfigurationError(
            f"--usages {usages}: every entry needs body and extracted[].extractors[] with provider_id and api_flavor "
            f"({type(wrong).__name__}: {wrong})"
        ) from wrong
    write(rows, output)
    report = {"prices": edition(), "day": day.date().isoformat(), **summary(rows)}
    if compare:
        report["compared"] = comparison(rows, wanted)
    if as_json:
        emit_json(report)
    else:
        _show(report, output)


def read_bodies(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a file.

    Raises:
        ConfigurationError: It is missing or no JSON list.
    """
    try:
        data = path.read_bytes()
    except OSError as missing:
        raise ConfigurationError(f"--usages {path}: {missing.strerror}") from missing
    try:
        entries = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    except (ValueError, OSError, EOFError, zlib.error) as wrong:
        raise ConfigurationError(f"--usages {path} is not JSON, gzipped or not ({wrong})") from wrong
    if not isinstance(entries, list):
        raise ConfigurationError(f"--usages {path} holds no list of recorded bodies")
    return entries


def write(rows: Sequence[Priced], output: Path) -> None:
    """Write the CSV file."""
    with output.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        for row in rows:
            prices = ("", "") if row.cost is None else tuple(plain(part.normalize()) for part in row.cost)
            lines.writerow((row.row, row.provider, row.api_flavor, row.model, *prices))


def summary(rows: Sequence[Priced]) -> dict[str, Any]:
    """Return how many rows were priced, and why the others were not."""
    reasons = Counter(row.reason for row in rows if row.cost is None)
    return {
        "bodies": len({row.row for row in rows}),
        "rows": len(rows),
        "priced": sum(row.cost is not None for row in rows),
        "unpriced": dict(reasons.most_common()),
    }


def comparison(rows: Sequence[Priced], wanted: Sequence[CostParts | None]) -> list[dict[str, Any]]:
    """Return, per provider and interface, how many of the prices stated were met to the last digit."""
    told: Counter[tuple[str, str]] = Counter()
    exact: Counter[tuple[str, str]] = Counter()
    for row, price in zip(rows, wanted, strict=True):
        if price is not None:
            told[row.provider, row.api_flavor] += 1
            exact[row.provider, row.api_flavor] += row.cost == price
    return [
        {"provider": place[0], "api_flavor": place[1], "stated": count, "exact": exact[place]}
        for place, count in told.most_common()
    ]


def _show(report: dict[str, Any], output: Path) -> None:
    out = console()
    out.print(
        f"{report['rows']:,} rows of {report['bodies']:,} bodies, {report['priced']:,} of them priced: {output}"
    )
    out.print(f"prices of {report['day']} as {report['prices']} lists them")
    for reason, count in report["unpriced"].items():
        out.print(f"{count:>6,} not priced: {reason}")
    if "compared" in report:
        table = plain_table("provider", "interface", "stated", "exact", "", right=("stated", "exact"))
        for line in report["compared"]:
            share = f"{100 * line['exact'] / line['stated']:.1f} %"
            table.add_row(line["provider"], line["api_flavor"], f"{line['stated']:,}", f"{line['exact']:,}", share)
        out.print(table)
