"""Pairs of questions from CSV files, and what became of them into others."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError

FIRST = "question_a"
SECOND = "question_b"
GZIP_MAGIC = b"\x1f\x8b"
LABELS = {"1": True, "true": True, "1.0": True, "0": False, "false": False, "0.0": False}


def read_pairs(option: str, file: Path) -> list[dict[str, str]]:
    """Read a CSV file with the columns `question_a` and `question_b`, gzipped or not, as rows by column.

    Args:
        option: By which the file was named, for errors.
        file: The file.

    Raises:
        ConfigurationError: It cannot be read, has no rows, lacks a column, or a row is too short or too long.
    """
    try:
        raw = file.read_bytes()
        text = (gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as wrong:
        raise ConfigurationError(f"{option} {file}: {wrong}; give a CSV file in UTF-8, gzipped or not") from wrong
    limit = csv.field_size_limit(sys.maxsize)  # questions may hold whole documents
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""))
        rows = list(reader)
    finally:
        csv.field_size_limit(limit)
    for column in (FIRST, SECOND):
        if column not in (reader.fieldnames or ()):
            raise ConfigurationError(
                f"{option} {file}: column {column!r} is missing; name the columns of questions {FIRST} and {SECOND}"
            )
    if not rows:
        raise ConfigurationError(f"{option} {file}: there are no rows below the header; add some")
    for number, row in enumerate(rows):
        if None in row or None in row.values():
            raise ConfigurationError(
                f"{option} {file}: row {number} has not as many fields as the header; quote its fields"
            )
    return rows


def labels_of(option: str, file: Path, rows: Sequence[Mapping[str, str]], column: str) -> NDArray[np.bool_]:
    """Return whether each pair means the same.

    Raises:
        ConfigurationError: The column is missing, or a label is none.
    """
    if column not in rows[0]:
        raise ConfigurationError(
            f"{option} {file}: column {column!r} is missing; name the column of labels (1 or 0) with --label"
        )
    found = []
    for number, row in enumerate(rows):
        said = row[column].strip().lower()
        if said not in LABELS:
            raise ConfigurationError(
                f"{option} {file}: row {number}, {column}: {said!r} is no label; write 1 for the same meaning, else 0"
            )
        found.append(LABELS[said])
    return np.array(found, dtype=np.bool_)


def write_rows(output: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file.

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
