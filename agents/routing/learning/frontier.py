"""Cost against quality of two models and a rule that sends some prompts to the stronger one.

A rule is a score for every prompt; those with the highest go to the strong model, the others to the weak one. `share`
is the share of prompts that the strong model answers, `quality` the share of right answers over all prompts.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PERCENTS = 101
INTERVAL = (2.5, 97.5)
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
class Measured:
    """A rule's frontier with 95 % confidence intervals by the percentile bootstrap.

    Attributes:
        figures: On the prompts as they are.
        low: Lower ends of the figures' intervals.
        high: Upper ends.
        quality: At shares of strong calls of 0, 1, … 100 %; (101,).
        quality_low: Lower ends of the qualities' intervals; (101,).
        quality_high: Upper ends; (101,).
    """

    figures: Figures
    low: Figures
    high: Figures
    quality: Floats
    quality_low: Floats
    quality_high: Floats


def measure(scores: Floats, pair: Pair, resamples: int, seed: int) -> Measured:
    """Measure a rule.

    Args:
        scores: Of the rule by prompt; all equal is the random rule.
        pair: The outcomes of the same prompts.
        resamples: How often the prompts are drawn anew, with replacement, for the intervals.
        seed: The same seed gives the same draws, so that rules are compared on the same ones.
    """
    quality = frontier(scores, pair)
    generator = np.random.default_rng(seed)
    drawn_figures, drawn_quality = [], []
    for _ in range(resamples):
        chosen = generator.integers(0, len(pair), len(pair))
        drawn = frontier(scores[chosen], Pair(pair.weak[chosen], pair.strong[chosen]))
        drawn_figures.append(astuple(figures(drawn)))
        drawn_quality.append(at_percents(drawn))
    low, high = np.nanpercentile(np.array(drawn_figures), INTERVAL, axis=0)
    quality_low, quality_high = np.percentile(np.array(drawn_quality), INTERVAL, axis=0)
    return Measured(
        figures(quality),
        Figures(*low.tolist()),
        Figures(*high.tolist()),
        at_percents(quality),
        quality_low,
        quality_high,
    )


def at_percents(quality: Floats) -> Floats:
    """Return the quality at shares of strong calls of 0, 1, … 100 %, between the prompts in proportion."""
    shares = np.linspace(0.0, 1.0, len(quality))
    return np.asarray(np.interp(np.linspace(0.0, 1.0, PERCENTS), shares, quality), dtype=np.float64)
