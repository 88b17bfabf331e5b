"""How a submission shows that it gets on: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar

from streams.cli.display import dollars, duration, saved_share
from streams.submission.submission import Observe
from streams.submission.tally import Progress

LINE_SECONDS = 5.0
SILENCE_SECONDS = 15.0


@contextmanager
def shown(console: Console, title: str) -> Iterator[Observe]:
    """Yield what is to be told about progress."""
    if not console.is_terminal:
        yield _Lines(console, title)
        return
    bar = Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task(title, total=None, figures="")

        def observe(progress: Progress) -> None:
            bar.update(task, total=progress.lines, completed=progress.done, figures=figures(progress))

        yield observe


def figures(progress: Progress) -> str:
    """Return speed, money and time left in one line."""
    tally = progress.tally
    parts = [f"{progress.per_second:,.0f}/s", dollars(tally.cost_usd)]
    if tally.baseline_usd:
        parts.append(saved_share(tally.cost_usd, tally.baseline_usd))
    if progress.waiting_seconds > SILENCE_SECONDS:
        parts.append(f"no result for {duration(progress.waiting_seconds)}: see `asahi status`")
    elif progress.eta_seconds is not None and progress.done < progress.lines:
        parts.append(f"{duration(progress.eta_seconds)} left")
    return " · ".join(parts)


class _Lines:
    """Prints a line every few seconds."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._next = time.monotonic() + LINE_SECONDS

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LINE_SECONDS
        done = f"{progress.done:,}/{progress.lines:,}"
        self._console.print(f"{self._title}: {done} · {figures(progress)}", soft_wrap=True)
