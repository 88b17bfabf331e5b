"""One engine of `VectorDatabase` at one size, in a process of its own so that its memory can be told apart."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agents.cache.vectors.annoy import AnnoyDatabase
from agents.cache.vectors.engines import open_database
from agents.cache.vectors.protocol import Neighbour, VectorDatabase, Vectors
from schemas.vector_settings import VectorEngine, VectorSettings

LOADED_AT_ONCE = 500
BATCH = 1_000
ROUNDS = 5
INSERTED_AT_ONCE = 20
INSERTS_PER_SECOND = 2_000
INSERTED = 10_000
LOOKUPS_EACH = 3
"""Between two inserts."""
REMOVED_SHARE = 0.26
"""Enough for every segment of Annoy to be built anew."""
SAME = 1e-6
"""Two embeddings as similar as that to a query are the same answer: the order of words does not change one."""
Figures = dict[str, Any]


def measure(engine: VectorEngine, size: int, folder: Path, merger: Executor, threshold: float) -> Figures:
    """Return what an engine does with the first `size` of the vectors in a folder."""
    vectors: Vectors = np.load(folder / "entries.npy", mmap_mode="r")
    queries, best = np.load(folder / f"queries-{size}.npy"), np.load(folder / f"best-{size}.npy")
    keys = Keys()
    warmed_up(engine, queries, merger)
    database = open_database(VectorSettings(engine=engine), vectors.shape[1], merger)
    before, wall, process = anonymous_bytes(), time.perf_counter(), time.process_time()
    for start in range(0, size, LOADED_AT_ONCE):
        block = vectors[start : min(start + LOADED_AT_ONCE, size)]
        database.add(keys.make(len(block)), np.array(block))
    settle(database)
    built = {
        "build_cpu_seconds": time.process_time() - process,
        "build_wall_seconds": time.perf_counter() - wall,
        "inserts_per_cpu_second": size / (time.process_time() - process),
        "inserts_per_wall_second": size / (time.perf_counter() - wall),
    }
    memory = (anonymous_bytes() - before) / size
    counted = getattr(database, "memory_bytes", 0) / size
    return {
        **built,
        "bytes_per_entry": memory,
        "bytes_per_entry_arrays": counted,
        **quality(database, vectors, queries, best, threshold),
        **batches(database, queries),
        "single": singles(database, queries),
        "single_while_inserting": crowded(database, keys, vectors[:INSERTED], queries),
        **compaction(database, keys, vectors, queries),
    }


def warmed_up(engine: VectorEngine, vectors: Vectors, merger: Executor) -> None:
    """Use an engine once, so that what is loaded at the first call counts as nobody's memory or time."""
    database = open_database(VectorSettings(engine=engine), vectors.shape[1], merger)
    database.add(Keys().make(len(vectors)), vectors)
    settle(database)
    database.nearest(vectors[:BATCH], 1)


class Keys:
    """Makes keys as long as request ids, in the order of the rows."""

    def __init__(self) -> None:
        self.made = 0

    def make(self, count: int) -> list[str]:
        """Return the next ones."""
        self.made += count
        return [str(uuid.UUID(int=number)) for number in range(self.made - count, self.made)]


def row_of(neighbour: Neighbour) -> int:
    """Return the row that an entry was made of."""
    return uuid.UUID(neighbour.key).int


def quality(database: VectorDatabase, vectors: Vectors, queries: Vectors, best: Vectors, threshold: float) -> Figures:
    """Return how often the nearest was found, and of how many."""
    found = np.array([row_of(one[0]) for one in database.nearest(queries, 1)])
    right = np.einsum("ij,ij->i", vectors[found], queries) >= best - SAME
    acceptable = best >= threshold
    return {
        "recall_acceptable": float(right[acceptable].mean()),
        "recall_all": float(right.mean()),
        "acceptable": int(acceptable.sum()),
    }


def batches(database: VectorDatabase, queries: Vectors) -> Figures:
    """Return look-ups per second of processor time in batches, the median of some rounds."""
    rates = []
    for _ in range(ROUNDS):
        for start in range(0, len(queries), BATCH):
            began = time.thread_time()
            database.nearest(queries[start : start + BATCH], 1)
            rates.append(BATCH / (time.thread_time() - began))
    return {"batch_per_cpu_second": statistics.median(rates)}


def singles(database: VectorDatabase, queries: Vectors) -> Figures:
    """Return how long single look-ups take."""
    return latencies([timed(partial(database.nearest, one[None], 1)) for one in queries])


def crowded(
    database: VectorDatabase,
    keys: Keys,
    more: Vectors,
    queries: Vectors,
    until: Callable[[], bool] = lambda: False,
) -> Figures:
    """Return how long single look-ups take while entries come at a fixed rate."""
    times: list[tuple[float, float]] = []
    merging, inserting = [], 0.0
    began = time.perf_counter()
    for number, start in enumerate(range(0, len(more), INSERTED_AT_ONCE)):
        block = np.array(more[start : start + INSERTED_AT_ONCE])
        inserting += timed(partial(database.add, keys.make(len(block)), block))[0]
        for place in range(LOOKUPS_EACH):
            one = queries[(number * LOOKUPS_EACH + place) % len(queries)]
            times.append(timed(partial(database.nearest, one[None], 1)))
            merging.append(is_merging(database))
        if until():
            break
        time.sleep(max(0.0, began + start / INSERTS_PER_SECOND - time.perf_counter()))
    merged = [one for one, busy in zip(times, merging, strict=True) if busy]
    inserted = min(len(more), (number + 1) * INSERTED_AT_ONCE)
    return {
        **latencies(times),
        "inserts_per_second_kept_up": inserted / (time.perf_counter() - began),
        "insert_us_cpu": 1e6 * inserting / inserted,
        "while_merging": latencies(merged) if merged else None,
    }


def compaction(database: VectorDatabase, keys: Keys, vectors: Vectors, queries: Vectors) -> Figures:
    """Return how long look-ups take while everything is built anew because a quarter is gone."""
    settle(database)
    size = keys.made
    gone = np.random.default_rng(1).choice(size, int(size * REMOVED_SHARE), replace=False).tolist()
    began = time.thread_time()
    for start in range(0, len(gone), LOADED_AT_ONCE):
        database.remove([str(uuid.UUID(int=number)) for number in gone[start : start + LOADED_AT_ONCE]])
    removing = time.thread_time() - began
    if not isinstance(database, AnnoyDatabase):
        return {"remove_us_cpu": 1e6 * removing / len(gone)}
    during = crowded(database, keys, vectors, queries, lambda: not is_merging(database))
    return {"remove_us_cpu": 1e6 * removing / len(gone), "single_while_all_merges": during["while_merging"]}


def is_merging(database: VectorDatabase) -> bool:
    """Return whether work is under way in the background."""
    return isinstance(database, AnnoyDatabase) and database.merging


def settle(database: VectorDatabase) -> None:
    """Wait until nothing is under way in the background."""
    if isinstance(database, AnnoyDatabase):
        database.settle()


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Return processor seconds of a call, and wall seconds without those in which the machine ran something else."""
    queued, wall, processor = queued_seconds(), time.perf_counter(), time.thread_time()
    call()
    processor, wall = time.thread_time() - processor, time.perf_counter() - wall
    return processor, wall - (queued_seconds() - queued)


def queued_seconds() -> float:
    """Return how long this thread has waited for a processor so far. Waiting for a lock is not in it."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def latencies(times: Sequence[tuple[float, float]]) -> Figures:
    """Return percentiles in microseconds, of processor time and of wall time as `timed` tells them."""
    processor, wall = (1e6 * np.array(column) for column in zip(*times, strict=True))
    return {
        "count": len(times),
        **{f"cpu_p{share}_us": float(np.percentile(processor, share)) for share in (50, 99)},
        **{f"wall_p{share}_us": float(np.percentile(wall, share)) for share in (50, 99)},
    }


def anonymous_bytes() -> int:
    """Return the resident memory of this process that is in no file."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise OSError("no RssAnon in /proc/self/status")
