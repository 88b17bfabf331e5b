"""Recorded streams in a tar file: `data/<folder>/<name>.csv` with the columns `timestamp` and `value`."""

from __future__ import annotations

import math
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import ConfigurationError
from streams.csv_files import parse_rows

TIMESTAMP = "timestamp"
VALUE = "value"
PLACE = re.compile(r"(?:\./)?data/(?P<folder>[^/]+)/(?P<name>[^/]+)\.csv")
PLAIN = re.compile(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]*")
FIRST_LINE = 2


@dataclass(frozen=True)
class Recorded:
    """One stream. Texts are as the file has them, so that they can be written as they were read."""

    folder: str
    name: str
    texts: list[tuple[str, str]]
    points: list[tuple[float, float]]


def read_streams(file: Path) -> Iterator[Recorded]:
    """Yield the streams of a tar file, compressed or not, one at a time, in the file's order. Nothing is unpacked.

    Raises:
        ConfigurationError: It cannot be read, holds no streams, or one of them cannot be read.
    """
    named = f"--streams {file}"
    seen: set[tuple[str, str]] = set()
    try:
        with tarfile.open(file) as archive:
            for member in archive:
                place = PLACE.fullmatch(member.name)
                if place is None or place["name"].startswith("._"):  # the latter are what macOS adds
                    continue
                where = place["folder"], place["name"]
                _check(f"{named}: {member.name!r}", member, where, seen)
                seen.add(where)
                opened = archive.extractfile(member)
                assert opened is not None
                yield _parsed(f"{named}: {member.name}", *where, opened.read())
    except (OSError, EOFError, zlib.error, tarfile.TarError) as wrong:
        raise ConfigurationError(f"{named}: {wrong}; give a tar file, gzipped or not") from wrong
    if not seen:
        raise ConfigurationError(f"{named}: there is no data/<folder>/<name>.csv in it; pack the folder `data`")


def _check(named: str, member: tarfile.TarInfo, where: tuple[str, str], seen: set[tuple[str, str]]) -> None:
    """Raise ConfigurationError for a name that could lead elsewhere than into the output folder."""
    if not all(PLAIN.fullmatch(part) for part in where):
        raise ConfigurationError(f"{named} is no plain name; rename it to one that starts with no dot")
    if not member.isfile():
        raise ConfigurationError(f"{named} is no file; pack what it points to")
    if where in seen:
        raise ConfigurationError(f"{named} is there twice; leave one out")


def _parsed(named: str, folder: str, name: str, raw: bytes) -> Recorded:
    rows = parse_rows(named, raw, (TIMESTAMP, VALUE), f"name the columns {TIMESTAMP} and {VALUE}")
    points = [
        (_seconds(f"{named}: line {line}", row[TIMESTAMP]), _number(f"{named}: line {line}", row[VALUE]))
        for line, row in enumerate(rows, FIRST_LINE)
    ]
    return Recorded(folder, name, [(row[TIMESTAMP], row[VALUE]) for row in rows], points)


def _seconds(named: str, text: str) -> float:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(
            f"{named}, {TIMESTAMP}: {text!r} is no time; write it as 2014-04-01 00:05:00"
        ) from None
    # Days and weeks are those of the clock that wrote the stream, whatever its offset.
    return at.replace(tzinfo=UTC).timestamp()


def _number(named: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigurationError(f"{named}, {VALUE}: {text!r} is no finite number; correct it or leave the line out")
    return number
