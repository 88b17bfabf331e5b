"""What people see: tables and amounts; and what programs read: JSON."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

import click
import orjson
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table

from schemas.settings import EmbeddedSettings

PIPED_WIDTH = 160
CENTS = Decimal("0.01")
SMALL = Decimal("0.0001")
TENTHS = Decimal("0.1")
NEARLY_ALL, ALL = 99, 100
SECONDS_PER_MINUTE = 60
SECONDS_PER_HOUR = 3600


def console() -> Console:
    """Return the console for what a command is asked for."""
    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def side_console() -> Console:
    """Return the console for what happens meanwhile: progress and notes, on stderr."""
    return Console(file=sys.stderr, highlight=False)


class PlainTable(Table):
    """A table whose lines end where their text does: nothing to trip over in what is copied or compared."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give what Rich draws, line by line, without the blanks that fill up its last column."""
        drawn = [each for each in super().__rich_console__(console, options) if isinstance(each, Segment)]
        for line in Segment.split_lines(drawn):
            yield from _without_trailing_blanks(line)
            yield Segment.line()


def _without_trailing_blanks(line: Iterable[Segment]) -> Iterator[Segment]:
    blanks: list[Segment] = []
    for segment in line:
        text = segment.text.rstrip(" ")
        if text:
            yield from blanks
            yield Segment(text, segment.style)
            blanks = []
        blanks.append(Segment(segment.text[len(text) :], segment.style))


def plain_table(*headings: str, right: tuple[str, ...] = ()) -> Table:
    """Return an empty table in the house style; only its last column is folded when room is short.

    Args:
        *headings: Of the columns.
        right: Those of them that hold numbers.
    """
    table = PlainTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=any(headings))
    for heading in headings:
        last = heading is headings[-1]
        table.add_column(heading, justify="right" if heading in right else "left", no_wrap=not last, overflow="fold")
    return table


def emit_json(document: object) -> None:
    """Print a document for programs."""
    click.echo(json_text(document), nl=False)


def json_text(document: object) -> str:
    """Return a document for programs."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE, default=_plain).decode()


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def program() -> str:
    """Return what to type to run this program: its name, or where it is when its folder is not on the path."""
    if shutil.which("asahi"):
        return "asahi"
    beside = Path(sys.executable).with_name("asahi")
    if not beside.exists():
        return f"{sys.executable} -m streams.cli"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def program_on(data_dir: Path) -> str:
    """Return what to type to run this program on a data folder."""
    return program() if data_dir == EmbeddedSettings().data_dir else f"{program()} --data-dir {data_dir}"


def dollars(amount: Decimal) -> str:
    """Return an amount as people read it: cents, and more digits where it is small."""
    if not amount:
        return "$0"
    if abs(amount) < CENTS:
        return f"${amount:.6f}" if abs(amount) >= SMALL else f"${amount:.2g}"
    return f"${amount:,.4f}" if abs(amount) < 1 else f"${amount:,.2f}"


def duration(seconds: float) -> str:
    """Return a duration as people read it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < SECONDS_PER_MINUTE:
        return f"{seconds:.1f} s"
    if seconds < SECONDS_PER_HOUR:
        return f"{int(seconds // SECONDS_PER_MINUTE)} min {int(seconds % SECONDS_PER_MINUTE)} s"
    return f"{int(seconds // SECONDS_PER_HOUR)} h {int(seconds % SECONDS_PER_HOUR // SECONDS_PER_MINUTE)} min"


def saved_share(cost: Decimal, baseline: Decimal) -> str:
    """Return what was saved against the baseline, in words."""
    if not baseline:
        return "no baseline"
    share = 100 * (baseline - cost) / baseline
    return f"{_percent(share)} % less" if share >= 0 else f"{_percent(-share)} % more"


def _percent(share: Decimal) -> str:
    """Return a share in percent; what is nearly nothing, or nearly all, is not rounded to it."""
    if 0 < share < 1 or NEARLY_ALL < share < ALL:
        return str(share.quantize(TENTHS, ROUND_DOWN) if share > TENTHS else TENTHS)
    return f"{share:.0f}"
