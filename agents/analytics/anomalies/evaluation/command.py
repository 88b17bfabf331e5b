"""`asahi evaluate anomalies`."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import click

from agents.analytics.anomalies.evaluation.archive import TIMESTAMP, VALUE, Recorded, read_streams
from agents.analytics.anomalies.onsets import Onsets
from schemas.errors import ConfigurationError
from streams.cli.display import console, emit_json
from streams.csv_files import write_rows

log = logging.getLogger(__name__)

COLUMNS = (TIMESTAMP, VALUE, "anomaly_score")
DIGITS = 8


@click.command()
@click.option(
    "--streams",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Tar file, gzipped or not, with data/<folder>/<name>.csv.",
)
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def anomalies(streams: Path, output: Path, as_json: bool) -> None:
    """Score every point of recorded streams, each stream by itself.

    Reads `timestamp` and `value`, no labels. Writes <folder>/<name>.csv with anomaly_score besides, from 0 to 1: how
    strange the point is after those before it. One that goes on with an episode already reported scores 0.
    """
    summary = score_streams(streams, output)
    log.info("scored streams", extra={"streams": summary["streams"], "points": summary["points"]})
    if as_json:
        emit_json(summary)
        return
    text = f"scored {summary['points']:,} points of {summary['streams']:,} streams: {output}"
    console().print(text, soft_wrap=True)


def score_streams(streams: Path, output: Path) -> dict[str, Any]:
    """Score the streams of a tar file into a folder, and return how many there were.

    Raises:
        ConfigurationError: A stream cannot be read, or the folder not be written to.
    """
    folders: Counter[str] = Counter()
    points = 0
    for recorded in read_streams(streams):
        write_rows(_place(output, recorded), COLUMNS, _lines(recorded))
        folders[recorded.folder] += 1
        points += len(recorded.points)
    return {"streams": folders.total(), "points": points, "folders": dict(folders)}


def scores(points: list[tuple[float, float]]) -> list[float]:
    """Return the scores of one stream."""
    detector = Onsets()
    found = []
    for at, value in points:
        found.append(detector.score_one(at, value))
        detector.learn_one(at, value)
    return found


def _lines(recorded: Recorded) -> list[tuple[str, str, str]]:
    return [
        (*texts, f"{score:.{DIGITS}f}") for texts, score in zip(recorded.texts, scores(recorded.points), strict=True)
    ]


def _place(output: Path, recorded: Recorded) -> Path:
    folder = output / recorded.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise ConfigurationError(f"--output {folder}: {wrong}; name a folder that can be written") from wrong
    return folder / f"{recorded.name}.csv"
