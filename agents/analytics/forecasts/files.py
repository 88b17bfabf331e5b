"""Series in CSV files: `series,timestamp,value`, in any order of rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from agents.analytics.forecasts.series import Point
from agents.analytics.forecasts.stamps import read_stamp
from streams.csv_files import read_rows

COLUMNS = ("series", "timestamp", "value")
UNKNOWN = {"", "nan", "na", "n/a", "null", "none", "\\n"}
FIRST_LINE = 2
"""Below the header."""


@dataclass(slots=True)
class Given:
    """What a file says of one series: its points, or the first thing that is wrong with them."""

    points: list[Point] = field(default_factory=list)
    wrong: str | None = None


def read_series(named: str, file: Path) -> dict[str, Given]:
    """Read the series of a file, in order of first appearance. What is wrong with one spares the others.

    Raises:
        ConfigurationError: The file cannot be read, or has not these columns.
    """
    found: dict[str, Given] = {}
    rows = read_rows(named, file, COLUMNS, f"its header must name {', '.join(COLUMNS)}")
    for line, row in enumerate(rows, FIRST_LINE):
        given = found.setdefault(row["series"], Given())
        if given.wrong is None:
            given.wrong = _add(given, row, f"line {line}")
    return found


def _add(given: Given, row: dict[str, str], place: str) -> str | None:
    """Add a point, or return what is wrong with it."""
    stamp = read_stamp(row["timestamp"])
    if stamp is None:
        return (
            f"{place}: timestamp {row['timestamp']!r} is none of ISO 8601; "
            "write it as 2026-03-01, 2026-03 or 2026-03-01T14:00:00Z"
        )
    text = row["value"].strip()
    try:
        value = math.nan if text.lower() in UNKNOWN else float(text)
    except ValueError:
        return (
            f"{place}: value {row['value']!r} is no number; write it as 12.5, or leave it empty where it is unknown"
        )
    if math.isinf(value):
        return f"{place}: value {row['value']!r} is not finite; leave it empty where it is unknown"
    given.points.append(Point(stamp, value, place))
    return None
