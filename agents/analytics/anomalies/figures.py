"""What an organization used in one minute, and what of it is watched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.anomaly import Metric


class Figures(NamedTuple):
    """Sums over the results of an organization in some stretch of time.

    Attributes:
        requests: Results of any status.
        usd: What they cost.
        tokens: Of prompts and answers.
        failed: Those without an answer: failed, expired or rejected.
        called: Those that a model was asked for.
        log_ms: Sum of the natural logarithms of how many milliseconds those took.
        paid: Those that cost something.
        log_usd: Sum of the natural logarithms of what those cost in dollars.
        log_usd_squares: Sum of the squares of these.
        hits: Those that a cache answered.
        models: How many each model answered.
    """

    requests: int = 0
    usd: float = 0.0
    tokens: int = 0
    failed: int = 0
    called: int = 0
    log_ms: float = 0.0
    paid: int = 0
    log_usd: float = 0.0
    log_usd_squares: float = 0.0
    hits: int = 0
    models: Mapping[str, int] = {}


LOGARITHMIC = frozenset({Metric.LATENCY, Metric.CALL_COST})
"""Metrics that are geometric means: what is summed up are logarithms."""


class Part(NamedTuple):
    """What a rate or a mean is made of: a sum, and how many requests it is over."""

    total: float
    over: int


def part_of(metric: Metric, figures: Figures) -> Part:
    """Return what a rate or a mean is made of."""
    if metric is Metric.ERROR_RATE:
        return Part(figures.failed, figures.requests)
    if metric is Metric.LATENCY:
        return Part(figures.log_ms, figures.called)
    if metric is Metric.CALL_COST:
        return Part(figures.log_usd, figures.paid)
    return Part(figures.hits, figures.hits + figures.called)


def amount_of(metric: Metric, figures: Figures) -> float:
    """Return how much of what is counted there is."""
    if metric is Metric.SPEND:
        return figures.usd
    return float(figures.requests if metric is Metric.REQUESTS else figures.tokens)


@dataclass(frozen=True, slots=True)
class Nature:
    """What kind of number a metric is.

    Attributes:
        unit: Of its values.
        counted: It is an amount per minute, which is 0 where nothing happens; else it is a rate, a mean or a mix,
            which is unknown then.
        upwards: More of it than expected is worth telling.
        downwards: Less is.
        times: It must be so many times more or less than expected to be worth telling, by a setting.
        least: What it must be off by to be worth telling, besides a setting.
        least_part: The same, in parts of what is expected.
    """

    unit: str
    counted: bool = False
    upwards: bool = True
    downwards: bool = True
    times: bool = False
    least: float = 0.0
    least_part: float = 0.0


NATURES: Mapping[Metric, Nature] = {
    Metric.SPEND: Nature("USD per minute", counted=True, times=True),
    Metric.REQUESTS: Nature("requests per minute", counted=True, times=True),
    Metric.TOKENS: Nature("tokens per minute", counted=True, times=True),
    Metric.CALL_COST: Nature("USD per call", times=True),
    Metric.ERROR_RATE: Nature("share of requests", downwards=False, least=0.05),
    Metric.LATENCY: Nature("ms", downwards=False, least=20.0, least_part=0.2),
    Metric.CACHE_HIT_RATE: Nature("share of answers", upwards=False, least=0.1),
    Metric.MODEL_MIX: Nature("share of answers", downwards=False, least=0.1),
}
"""Of latency and of what a call costs the geometric mean is watched: one answer that took a minute is no slow minute.
Of the mix of models it is how much of it is another than usual: half the sum of the differences."""
