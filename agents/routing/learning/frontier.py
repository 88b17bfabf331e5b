"""Cost against quality of two models and a rule that sends some prompts to the stronger one.

A rule is a score for every prompt; those with the highest go to the strong model, the others to the weak one. `share`
is the share of prompts that the strong model answers, `quality` the share of right answers over all prompts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TARGET = 0.95
"""Of the strong model's quality."""
ENOUGH = 1e-9
"""Added to a quality before it is compared, against rounding."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What two models made of the same prompts: 1 right, 0 wrong; one entry per prompt."""

    weak: Floats
    strong: Floats

    def __len__(self) -> int:
        return len(self.weak)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a frontier comes down to.

    Attributes:
        aiq: Average improvement in quality: the mean over all shares of the quality gained on the weak model, as a
            share of the strong model's gain. A random rule has 0.5; a rule may exceed 1.
        cpt50: Call-performance threshold: the least share of strong calls that gains half of what the strong model
            gains on the weak one. A random rule needs 0.5.
        cpt80: The same for 80 %.
        share95: The least share of strong calls with 95 % of the strong model's quality.
    """

    aiq: float
    cpt50: float
    cpt80: float
    share95: float


def frontier(scores: Floats, pair: Pair) -> Floats:
    """Return the quality when the 0, 1, … n prompts with the highest scores go to the strong model; (n + 1,).

    Prompts of equal score go over together, so between them the quality rises evenly: which of them comes first is
    chance, and the expected quality is what counts.
    """
    order = np.argsort(-scores, kind="stable")
    gains = (pair.strong - pair.weak)[order]
    _, groups = np.unique(-scores[order], return_inverse=True)
    gains = (np.bincount(groups, gains) / np.bincount(groups))[groups]
    quality: Floats = (pair.weak.sum() + np.concatenate([[0.0], np.cumsum(gains)])) / len(pair)
    return quality


def random_frontier(pair: Pair) -> Floats:
    """Return the expected frontier of a rule that chooses at random."""
    return frontier(np.zeros(len(pair)), pair)


def least_share(quality: Floats, wanted: float) -> float:
    """Return the least share of strong calls that reaches this quality; 1 where none does."""
    reached = quality + ENOUGH >= wanted
    return float(np.argmax(reached) / (len(quality) - 1)) if reached.any() else 1.0


def figures(quality: Floats) -> Figures:
    """Return the figures of a frontier; a gain of the strong model is needed for all but `share95`.

    Where the strong model is no better than the weak one, AIQ and the thresholds are NaN.
    """
    weak, strong = float(quality[0]), float(quality[-1])
    share95 = least_share(quality, TARGET * strong)
    gain = strong - weak
    if gain <= ENOUGH:
        return Figures(float("nan"), float("nan"), float("nan"), share95)
    aiq = float(np.trapezoid(quality - weak) / (len(quality) - 1) / gain)
    return Figures(aiq, least_share(quality, weak + 0.5 * gain), least_share(quality, weak + 0.8 * gain), share95)


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of which the bootstrap says that the figure lies in it with 95 % confidence."""

    low: float
    high: float


def bootstrap(scores: Floats | None, pair: Pair, resamples: int, seed: int) -> dict[str, Interval]:
    """Return confidence intervals by figure: percentiles over resamples of the prompts, with replacement.

    Args:
        scores: Of the rule; None is the random one.
        pair: The outcomes.
        resamples: How many.
        seed: The same seed gives the same intervals.
    """
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        chosen = generator.integers(0, len(pair), len(pair))
        some = Pair(pair.weak[chosen], pair.strong[chosen])
        drawn = figures(random_frontier(some) if scores is None else frontier(scores[chosen], some))
        found.append([drawn.aiq, drawn.cpt50, drawn.cpt80, drawn.share95])
    low, high = np.nanpercentile(np.array(found), [2.5, 97.5], axis=0)
    names = ("aiq", "cpt50", "cpt80", "share95")
    return {name: Interval(float(low[at]), float(high[at])) for at, name in enumerate(names)}
