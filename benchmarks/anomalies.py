"""How well anomalies are found in recorded streams.

`python -m benchmarks.anomalies --streams FILE.tar.gz` runs `asahi evaluate anomalies` on a tar file of labelled
streams and scores what it wrote by the standard profile (`benchmarks.anomaly_scoring`), prints one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from agents.analytics.anomalies.evaluation.archive import TIMESTAMP
from agents.analytics.anomalies.evaluation.command import score_streams
from benchmarks.anomaly_scoring import Floats, Weighed, Window, best, under, weigh

LABELS = "labels/combined_windows.json"
SECONDS = len("2014-04-01 00:00:00")

Scored = tuple[Weighed, Floats]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=Path, required=True)
    parser.add_argument("--scores", type=Path, help="Folder with scores written before, instead of computing them.")
    given = parser.parse_args()
    print(json.dumps(measured(given.streams, given.scores), indent=2))


def measured(streams: Path, scores: Path | None) -> dict[str, Any]:
    """Return the score, how it is spread over the streams, and the time per point."""
    with tempfile.TemporaryDirectory() as folder:
        taken = None
        if scores is None:
            scores = Path(folder)
            begun = time.process_time()
            score_streams(streams, scores)
            taken = time.process_time() - begun
        found = read_scores(scores, labels_of(streams))
    outcome = best(found)
    points = sum(len(values) for _, values in found)
    return {
        "score": round(outcome.score, 2),
        "threshold": outcome.threshold,
        "windows": outcome.windows,
        "found": outcome.found,
        "false_detections": outcome.false_detections,
        "points": points,
        "us_per_point": None if taken is None else round(1e6 * taken / points, 1),
        "by_stream": {stream.name: _told(stream, values, outcome.threshold) for stream, values in found},
    }


def labels_of(streams: Path) -> dict[str, list[list[str]]]:
    """Return the labelled windows of each stream."""
    with tarfile.open(streams) as archive:
        opened = archive.extractfile(LABELS)
        assert opened is not None
        labels: dict[str, list[list[str]]] = json.load(opened)
    return labels


def read_scores(folder: Path, labels: dict[str, list[list[str]]]) -> list[Scored]:
    """Return what each point counts and its score, for every labelled stream."""
    found = []
    for name, windows in sorted(labels.items()):
        with (folder / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        row_at = {row[TIMESTAMP][:SECONDS]: number for number, row in reversed(list(enumerate(rows)))}
        placed = [Window(row_at[first[:SECONDS]], row_at[last[:SECONDS]]) for first, last in windows]
        values = np.array([float(row["anomaly_score"]) for row in rows])
        found.append((weigh(name, len(rows), placed), values))
    return found


def _told(stream: Weighed, values: Floats, threshold: float) -> str:
    outcome = under([(stream, values)], threshold)
    return f"{outcome.found}/{outcome.windows} found, {outcome.false_detections} false"


if __name__ == "__main__":
    main()
