"""Pairs of questions from CSV files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError
from streams.csv_files import read_rows

FIRST = "question_a"
SECOND = "question_b"
LABELS = {"1": True, "true": True, "1.0": True, "0": False, "false": False, "0.0": False}


def read_pairs(option: str, file: Path) -> list[dict[str, str]]:
    """Read a CSV file with the columns `question_a` and `question_b`, gzipped or not, as rows by column.

    Args:
        option: By which the file was named, for errors.
        file: The file.

    Raises:
        ConfigurationError: It cannot be read, has no rows, lacks a column, or a row is too short or too long.
    """
    remedy = f"name the columns of questions {FIRST} and {SECOND}"
    return read_rows(f"{option} {file}", file, (FIRST, SECOND), remedy)


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
