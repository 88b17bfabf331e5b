"""From scores to probabilities that hold: a share of right hits measured where the score was not fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 40
LEAST_IN_BIN = 100
"""Pairs of which a share is taken: fewer say little."""
DOUBT = 0.5
"""Pairs of each kind that every bin has besides: no bin is without error."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising line through measured shares.

    Attributes:
        scores: Where it was measured, rising.
        shares: Of pairs that may share an answer, by score, rising; as logits.
    """

    scores: Floats
    shares: Floats

    def probability(self, scores: Floats) -> Floats:
        """Return the probability of each score; beyond those measured it stays as it is."""
        return np.asarray(1 / (1 + np.exp(-np.interp(scores, self.scores, self.shares))), dtype=np.float64)


def calibrate(scores: Floats, same: NDArray[np.bool_]) -> Calibration:
    """Measure shares in bins of equally many pairs, and let none fall where the score rises (isotonic)."""
    order = np.argsort(scores, kind="stable")
    bins = np.array_split(order, int(np.clip(len(order) // LEAST_IN_BIN, 2, BINS)))
    middle = np.array([scores[some].mean() for some in bins])
    right = np.array([same[some].sum() + DOUBT for some in bins])
    count = np.array([len(some) + 2 * DOUBT for some in bins])
    places: list[tuple[float, float, float]] = []
    for score, good, many in zip(middle, right, count, strict=True):
        block = (score * many, good, many)
        while places and places[-1][1] * block[2] >= block[1] * places[-1][2]:
            last = places.pop()
            block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
        places.append(block)
    weighted, good, many = (np.array(column) for column in zip(*places, strict=True))
    share = good / many
    return Calibration(weighted / many, np.log(share / (1 - share)))


def calibration_error(probability: Floats, same: NDArray[np.bool_], bins: int = 10) -> float:
    """Return the mean distance of predicted and actual share over bins of equally many pairs."""
    parts = np.array_split(np.argsort(probability, kind="stable"), bins)
    apart = sum(len(some) * abs(probability[some].mean() - same[some].mean()) for some in parts if len(some))
    return float(apart / max(1, len(probability)))


def area_under_curve(scores: Floats, same: NDArray[np.bool_]) -> float:
    """Return the probability that a pair of the same meaning scores above one of another, ties counted half."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    good = int(same.sum())
    return float((rank[same].sum() - good * (good + 1) / 2) / max(1, good * (len(same) - good)))
