"""From surprises to a score, the same for every detector."""

from __future__ import annotations

MOST = 20.0
"""Decimal places of rareness that are as good as any more."""
HALF = 2.5
"""Length of the surprises that scores one half."""
LARGEST = 1e100
"""Values beyond it are taken for it, so that no square overflows."""


def bounded(value: float) -> float:
    """Return a value that can be squared."""
    return min(max(value, -LARGEST), LARGEST)


def score_of(surprise: float) -> float:
    """Return the score, from 0 to 1, of a vector of surprises by its length."""
    return surprise / (surprise + HALF)
