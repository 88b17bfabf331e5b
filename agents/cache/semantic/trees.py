"""Boosted trees at run time: arrays and numpy, no more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.batch import Floats

CHUNK = 1024
"""Rows at a time, so that what is looked up stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Trees:
    """Complete binary trees, the children of node i being 2 i + 1 (not above the threshold) and 2 i + 2.

    Attributes:
        features: Column each inner node looks at; (trees, 2 ** depth - 1).
        thresholds: What it compares with; infinite where a branch ended earlier; of the same shape.
        values: Of the leaves; (trees, 2 ** depth).
        base: Added to the sum.
    """

    features: NDArray[np.int32]
    thresholds: Floats
    values: Floats
    base: float

    def score(self, rows: Floats) -> NDArray[np.float64]:
        """Return the sum over all trees for each row."""
        count, inner = self.features.shape
        scores = np.empty(len(rows))
        depth = (inner + 1).bit_length() - 1
        features, thresholds, values = self.features.ravel(), self.thresholds.ravel(), self.values.ravel()
        roots = np.arange(count, dtype=np.int32) * inner
        leaves = np.arange(count, dtype=np.int32) * (inner + 1) - inner
        for start in range(0, len(rows), CHUNK):
            some = np.ascontiguousarray(rows[start : start + CHUNK], dtype=np.float32)
            size, width = some.shape
            flat = some.ravel()
            ahead = (np.arange(size, dtype=np.int32) * width)[:, None]
            node = np.zeros((size, count), dtype=np.int32)
            for _ in range(depth):
                place = node + roots
                above = flat.take(features.take(place) + ahead) > thresholds.take(place)
                node += node
                node += 1
                node += above
            scores[start : start + CHUNK] = values.take(node + leaves).sum(axis=1, dtype=np.float64)
        return scores + self.base
