"""CSV files that people give to commands and get from them."""

from __future__ import annotations

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from schemas.errors import ConfigurationError

GZIP_MAGIC = b"\x1f\x8b"
READABLE = "give a CSV file in UTF-8, gzipped or not"


def read_rows(named: str, file: Path, columns: Sequence[str], remedy: str) -> list[dict[str, str]]:
    """Read a CSV file, gzipped or not, as rows by column.

    Args:
        named: How errors call the file.
        file: The file.
        columns: Those that it must have.
        remedy: What to do where one of them is missing.

    Raises:
        ConfigurationError: It cannot be read, has no rows, lacks a column, or a row is too short or too long.
    """
    try:
        raw = file.read_bytes()
    except OSError as wrong:
        raise ConfigurationError(f"{named}: {wrong}; {READABLE}") from wrong
    return parse_rows(named, raw, columns, remedy)


def parse_rows(named: str, raw: bytes, columns: Sequence[str], remedy: str) -> list[dict[str, str]]:
    """Return what a CSV file holds, gzipped or not, as `read_rows` does.

    Raises:
        ConfigurationError: It cannot be read, has no rows, lacks a column, or a row is too short or too long.
    """
    try:
        text = (gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as wrong:
        raise ConfigurationError(f"{named}: {wrong}; {READABLE}") from wrong
    limit = csv.field_size_limit(sys.maxsize)  # prompts may be whole documents
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""))
        rows = list(reader)
    finally:
        csv.field_size_limit(limit)
    for column in columns:
        if column not in (reader.fieldnames or ()):
            raise ConfigurationError(f"{named}: column {column!r} is missing; {remedy}")
    if not rows:
        raise ConfigurationError(f"{named}: there are no rows below the header; add some")
    for number, row in enumerate(rows):
        if None in row or None in row.values():
            raise ConfigurationError(f"{named}: row {number} has not as many fields as the header; quote its fields")
    return rows


def write_rows(output: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file that `--output` names.

    Raises:
        ConfigurationError: It cannot be written.
    """
    try:
        with output.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
    except OSError as wrong:
        raise ConfigurationError(f"--output {output}: {wrong}; name a file that can be written") from wrong
