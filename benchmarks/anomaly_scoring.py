"""The standard profile of the Numenta Anomaly Benchmark, written from its definition.

Source: Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark" (2015),
and the scoring rules of the benchmark's version 1. The first 15 % of a stream, 750 points at most, are not scored. Of
the detections in a labelled window the earliest counts, by a sigmoid that is 1 at the window's left edge and almost 0
at its right one; a window without detections counts -1; every detection outside of windows counts up to -0.11, less
just behind a window. One threshold is chosen for all streams. 0 is what detecting nothing gets, 100 what detecting
every window at its left edge and nothing else gets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

TRUE_POSITIVE = 1.0
FALSE_NEGATIVE = 1.0
FALSE_POSITIVE = 0.11
PROBATION = 0.15
PROBATION_OF = 5_000
STEEPNESS = 5.0
FAR_BEHIND = 3.0
NO_WINDOW = -1


@dataclass(frozen=True)
class Window:
    """A labelled anomaly: the first and the last row of it."""

    first: int
    last: int


@dataclass(frozen=True)
class Weighed:
    """What a detection at each row of one stream counts: in `window` (`NO_WINDOW` outside), `worth`."""

    name: str
    windows: int
    start: int
    worth: Floats
    window: Whole


@dataclass(frozen=True)
class Outcome:
    """The score of streams under one threshold."""

    score: float
    threshold: float
    windows: int
    found: int
    false_detections: int


def sigmoid(position: float) -> float:
    """Return 0.987 at the left edge of a window (-1), 0 at its right edge and -1 far behind it."""
    if position >= FAR_BEHIND:
        return -1.0
    return 2 / (1 + math.exp(STEEPNESS * position)) - 1


def probation(rows: int) -> int:
    """Return how many rows of a stream are not scored."""
    return int(min(math.floor(PROBATION * rows), PROBATION * PROBATION_OF))


def weigh(name: str, rows: int, windows: Sequence[Window]) -> Weighed:
    """Return what a detection at each row of a stream counts."""
    worth = np.full(rows, -FALSE_POSITIVE)
    window = np.full(rows, NO_WINDOW, dtype=np.int64)
    for number, each in enumerate(windows):
        width = each.last - each.first + 1
        for row in range(each.first, each.last + 1):
            worth[row] = TRUE_POSITIVE * sigmoid((row - each.last - 1) / width) / sigmoid(-1)
            window[row] = number
        after = windows[number + 1].first if number + 1 < len(windows) else rows
        for row in range(each.last + 1, after):
            worth[row] = FALSE_POSITIVE * sigmoid((row - each.last) / max(width - 1, 1))
    return Weighed(name, len(windows), probation(rows), worth, window)


def best(streams: Sequence[tuple[Weighed, Floats]]) -> Outcome:
    """Return the score under the one threshold that is best for all streams together."""
    scores = np.concatenate([scored[stream.start :] for stream, scored in streams])
    gains, offset, number = np.zeros(len(scores)), 0, []
    order = np.argsort(-scores, kind="stable")
    for stream, scored in streams:
        own = len(scored) - stream.start
        worth, window = stream.worth[stream.start :], stream.window[stream.start :]
        gains[offset : offset + own] = np.where(window == NO_WINDOW, worth, 0)
        for each in range(stream.windows):
            rows = np.flatnonzero(window == each)
            falling = rows[np.argsort(-scored[stream.start + rows], kind="stable")]
            reached = np.maximum.accumulate(np.concatenate([[-FALSE_NEGATIVE], worth[falling]]))
            gains[offset + falling] = np.diff(reached)
        number.append(own)
        offset += own
    total = np.cumsum(gains[order])
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    at = ends[np.argmax(total[ends])]
    threshold = float(scores[order][at]) if total[at] > 0 else 1.1
    return under(streams, threshold)


def under(streams: Sequence[tuple[Weighed, Floats]], threshold: float) -> Outcome:
    """Return the score under a given threshold."""
    raw, windows, found, wrong = 0.0, 0, 0, 0
    for stream, scored in streams:
        detected = np.flatnonzero(scored[stream.start :] >= threshold) + stream.start
        outside = detected[stream.window[detected] == NO_WINDOW]
        raw += float(stream.worth[outside].sum())
        wrong += len(outside)
        windows += stream.windows
        for each in range(stream.windows):
            inside = detected[stream.window[detected] == each]
            found += len(inside) > 0
            raw += float(stream.worth[inside].max()) if len(inside) else -FALSE_NEGATIVE
    null, perfect = -FALSE_NEGATIVE * windows, TRUE_POSITIVE * windows
    score = 100 * (raw - null) / (perfect - null) if windows else math.nan
    return Outcome(score, threshold, windows, found, wrong)
