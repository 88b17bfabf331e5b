"""The engines of `VectorDatabase` on real questions and near duplicates of them, at several sizes.

`python -m benchmarks.vectors --data FOLDER` prints one JSON object; FOLDER holds `question_pairs.csv.gz` and
`mmlu_outcomes.csv.gz`. `--large` adds a million entries, `--plot FILE` draws how each figure grows, and `--add FILE`
takes the figures of an earlier run along. Every engine runs at every size in a process of its own, with one thread
for numpy. The yardstick is an exact search by numpy in float32. `cpu` times are of the processor; `wall` times leave
out what the thread waited for a processor, not what it waited for a lock. Rates are medians of rounds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from agents.cache.vectors.protocol import Vectors
from benchmarks.near_duplicates import asked, embedded, entries, questions
from benchmarks.vector_engine import BATCH, Figures, latencies, measure, timed
from benchmarks.vector_picture import draw
from schemas.vector_settings import VectorEngine

SIZES = (10_000, 100_000)
LARGE = 1_000_000
QUERIES = 3_000
TIMED_QUERIES = 200
ACCEPTABLE = 0.9
"""Cosine from which on a neighbour may be an answer."""
BLOCK = 20_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--engines", nargs="+", default=[engine.value for engine in VectorEngine])
    parser.add_argument("--add", type=Path, nargs="*", default=[])
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    sizes = [*arguments.sizes, LARGE] if arguments.large else arguments.sizes
    figures: dict[str, dict[str, Figures]] = {}
    for file in arguments.add:
        for engine, by_size in json.loads(file.read_text())["engines"].items():
            figures.setdefault(engine, {}).update(by_size)
    with tempfile.TemporaryDirectory(prefix="asahi-vectors-") as name:
        folder = Path(name)
        prepared = prepare(arguments.data, folder, sizes) if sizes else {}
        for size, exact in prepared.items():
            figures.setdefault("exact float32", {})[str(size)] = exact
            for engine in arguments.engines:
                figures.setdefault(engine, {})[str(size)] = apart(VectorEngine(engine), size, folder)
    if arguments.plot:
        draw(figures, arguments.plot)
    print(json.dumps({"acceptable_cosine": ACCEPTABLE, "queries": QUERIES, "engines": rounded(figures)}, indent=2))


def prepare(data: Path, folder: Path, sizes: list[int]) -> dict[int, Figures]:
    """Write entries, queries and the best similarities into a folder; return what exact search takes."""
    held = entries(questions(data), max(sizes))
    vectors = embedded(held)
    np.save(folder / "entries.npy", vectors)
    found = {}
    with threadpool_limits(1):
        for size in sizes:
            queries = embedded(asked(held[:size], QUERIES))
            np.save(folder / f"queries-{size}.npy", queries)
            np.save(folder / f"best-{size}.npy", best_of(vectors[:size], queries))
            found[size] = exactly(vectors[:size], queries)
    return found


def best_of(vectors: Vectors, queries: Vectors) -> Vectors:
    """Return the similarity of the nearest of the vectors to each query."""
    best = np.full(len(queries), -1, np.float32)
    for start in range(0, len(vectors), BLOCK):
        np.maximum(best, (queries @ vectors[start : start + BLOCK].T).max(axis=1), out=best)
    return best


def exactly(vectors: Vectors, queries: Vectors) -> Figures:
    """Return what exact search takes, by batch and alone."""
    taken = statistics.median(timed(lambda: best_of(vectors, queries[:BATCH]))[0] for _ in range(3))
    return {
        "recall_acceptable": 1.0,
        "recall_all": 1.0,
        "batch_per_cpu_second": BATCH / taken,
        "bytes_per_entry": 4.0 * vectors.shape[1],
        "single": latencies([timed(partial(best_of, vectors, one[None])) for one in queries[:TIMED_QUERIES]]),
    }


def apart(engine: VectorEngine, size: int, folder: Path) -> Figures:
    """Measure an engine in a fresh process."""
    context = multiprocessing.get_context("spawn")
    answer, ours = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(engine, size, folder, ours))
    process.start()
    ours.close()
    figures: Figures = answer.recv()
    process.join()
    return figures


def _child(engine: VectorEngine, size: int, folder: Path, answer: Any) -> None:
    with threadpool_limits(1), ThreadPoolExecutor(1) as merger:
        began = time.perf_counter()
        figures = measure(engine, size, folder, merger, ACCEPTABLE)
        answer.send({**figures, "measured_in_seconds": time.perf_counter() - began})


def rounded(value: Any) -> Any:
    """Return the figures with four digits that say something."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, float):
        return round(value) if abs(value) >= 1_000 else float(f"{value:.4g}")
    return value


if __name__ == "__main__":
    main()
