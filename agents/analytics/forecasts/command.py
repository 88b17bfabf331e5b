"""`asahi evaluate forecast`."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agents.analytics.forecasts.files import read_series
from agents.analytics.forecasts.forecast import METHODS, Budget
from agents.analytics.forecasts.outcomes import WORTH_A_PROCESS, Outcome, Wanted, outcomes
from agents.analytics.forecasts.series import Gaps
from streams.cli.display import console, emit_json, side_console
from streams.csv_files import write_rows

log = logging.getLogger(__name__)

COLUMNS = ("series", "timestamp", "mean", "lower", "upper")
FAILED = 1
SHOWN_FAILURES = 10

csv_file = click.Path(path_type=Path, dir_okay=False)

Advance = Callable[[], None]


@click.command("forecast")
@click.option("--series", "file", type=csv_file, required=True, help="CSV with series, timestamp, value; or gzipped.")
@click.option("--horizon", type=click.IntRange(min=1, max=10_000), required=True, help="Steps ahead.")
@click.option("--output", type=csv_file, required=True, help="CSV to write.")
@click.option(
    "--gaps",
    type=click.Choice([each.value for each in Gaps]),
    default=Gaps.AUTO.value,
    show_default=True,
    help="What a missing row means: zero, or an unknown value. auto: zero where most are missing and none is 0.",
)
@click.option("--methods", type=click.IntRange(min=1), default=METHODS, show_default=True, help="Tried per series.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=lambda: os.cpu_count() or 1,
    show_default="one per processor",
    help=f"At once; one for {WORTH_A_PROCESS} series at most.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs; method and backtest of every series.")
def forecast_command(
    file: Path, horizon: int, output: Path, gaps: str, methods: int, processes: int, as_json: bool
) -> int:
    """Forecast series, each by the method that would have been nearest in its own past.

    Columns written: series, timestamp, in the form it was read; mean, what is expected; lower and upper, between
    which it stays with 80 %, by the errors that the method made. Steps follow the last timestamp of each series. One
    that cannot be forecast is named and left out; the exit code is 1 then.
    """
    given = read_series("--series", file)
    wanted = Wanted(horizon, Gaps(gaps), Budget(methods=methods))
    found = []
    with _progress(side_console(), len(given)) as advance:
        for outcome in outcomes(given, wanted, processes):
            found.append(outcome)
            advance()
    write_rows(output, COLUMNS, _lines(found))
    failed = [outcome for outcome in found if outcome.found is None]
    log.info("forecast series", extra={"series": len(found), "failed": len(failed), "horizon": horizon})
    if as_json:
        emit_json(_report(found, horizon))
    else:
        _show(found, failed, output)
    return FAILED if failed else 0


def _lines(every: Iterable[Outcome]) -> Iterator[Sequence[object]]:
    for outcome in every:
        if outcome.series is None or outcome.found is None:
            continue
        found = outcome.found
        for ahead, (mean, lower, upper) in enumerate(zip(found.mean, found.lower, found.upper, strict=True), 1):
            yield outcome.name, outcome.series.stamp(ahead), repr(float(mean)), repr(float(lower)), repr(float(upper))


def _report(every: Sequence[Outcome], horizon: int) -> dict[str, object]:
    return {
        "series": len(every),
        "failed": sum(outcome.found is None for outcome in every),
        "horizon": horizon,
        "each": [_document(outcome) for outcome in every],
    }


def _document(outcome: Outcome) -> dict[str, object]:
    if outcome.series is None or outcome.found is None:
        return {"series": outcome.name, "error": outcome.wrong}
    found = outcome.found
    return {
        "series": outcome.name,
        "method": found.method,
        "season": found.season,
        "mase": found.mase,
        "naive_mase": found.naive_mase,
        "values": len(outcome.series.values),
        "filled_with_zero": outcome.series.filled,
    }


def _show(every: Sequence[Outcome], failed: Sequence[Outcome], output: Path) -> None:
    out, side = console(), side_console()
    for outcome in failed[:SHOWN_FAILURES]:
        side.print(f"[red]not forecast:[/] series {outcome.name!r}: {outcome.wrong}", soft_wrap=True)
    if len(failed) > SHOWN_FAILURES:
        side.print(f"and {len(failed) - SHOWN_FAILURES:,} more; --json names all", soft_wrap=True)
    good = [outcome.found for outcome in every if outcome.found is not None]
    scaled = [(f.mase, f.naive_mase) for f in good if f.mase is not None and f.naive_mase is not None]
    text = f"forecast {len(good):,} of {len(every):,} series; written to {output}"
    if scaled:
        own, naive = ([each[place] for each in scaled] for place in (0, 1))
        better = sum(mine < baseline for mine, baseline in scaled)
        text += (
            f"; backtest: MASE {median(own):.3f} in the median, of the seasonal-naive {median(naive):.3f}, "
            f"which {better:,} of {len(scaled):,} beat"
        )
    out.print(text, soft_wrap=True)
    methods = Counter("mean of several" if " + " in found.method else found.method for found in good)
    out.print("chosen: " + ", ".join(f"{name} {count:,}" for name, count in methods.most_common()), soft_wrap=True)


@contextmanager
def _progress(where: Console, total: int) -> Iterator[Advance]:
    if not where.is_terminal:
        yield lambda: None
        return
    columns = (TextColumn("forecasting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=where, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
