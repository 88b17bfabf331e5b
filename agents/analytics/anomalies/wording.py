"""What is said of an anomaly: a line for a subject, some lines for a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agents.analytics.anomalies.figures import NATURES
from schemas.anomaly import Contribution, Metric

NAMES = {
    Metric.SPEND: "Spend",
    Metric.REQUESTS: "Requests",
    Metric.TOKENS: "Tokens",
    Metric.CALL_COST: "Cost of a call",
    Metric.ERROR_RATE: "Error rate",
    Metric.LATENCY: "Latency",
    Metric.CACHE_HIT_RATE: "Cache hit rate",
    Metric.MODEL_MIX: "Mix of models",
}
DIMENSIONS = {"task_type": "task type"}
PERCENT = 100
TIMES = 2.0
"""From this factor on a change is told as one."""
MINUTE = 60
HOUR = 3600
TEN_CENTS, THOUSAND = 0.1, 1000
NOTHING_STANDS_OUT = "Nothing stands out: no user, model, kind of task or tag accounts for more than its share."


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of an anomaly when it is told.

    Attributes:
        id: The anomaly's.
        end: When it ended; None while it goes on.
    """

    id: str
    tenant: str
    metric: Metric
    start: datetime
    end: datetime | None
    observed: float
    expected: float
    lower: float
    upper: float
    contributions: Sequence[Contribution]


def title_of(told: Told) -> str:
    """Return one line."""
    name = f"{NAMES[told.metric]} of {told.tenant}"
    if told.end is not None:
        return f"{name} is as usual again after {_length((told.end - told.start).total_seconds())}"
    observed, expected = amount(told.metric, told.observed), amount(told.metric, told.expected)
    if told.metric is Metric.MODEL_MIX:
        return f"{name} has changed: {observed} of the answers come from another model than usual"
    if told.observed <= 0:
        return f"{name}: none, where {expected} are expected"
    direction = "up" if told.observed > told.expected else "down"
    times = told.observed / told.expected if told.expected > 0 else 0.0
    factor = f", {times:.3g} times as much" if times >= TIMES else ""
    return f"{name} is {direction}: {observed} instead of {expected}{factor}"


def text_of(told: Told) -> str:
    """Return some lines of plain text."""
    metric = told.metric
    span = f"Since {told.start:%Y-%m-%d %H:%M} UTC"
    if told.end is not None:
        span = f"From {told.start:%Y-%m-%d %H:%M} to {told.end:%Y-%m-%d %H:%M} UTC"
    lines = [
        f"{title_of(told)}.",
        "",
        _measured(told, span),
    ]
    if told.contributions:
        lines.append("What moved it:")
        lines += [f"- {_cause(metric, each)}" for each in told.contributions]
    else:
        lines.append(NOTHING_STANDS_OUT)
    lines += ["", f"Look closer: asahi anomalies show {told.id}"]
    return "\n".join(lines)


def _measured(told: Told, span: str) -> str:
    observed, lower, upper = (amount(told.metric, value) for value in (told.observed, told.lower, told.upper))
    return f"{span}. In the strangest minute it was {observed}; expected was between {lower} and {upper}."


def amount(metric: Metric, value: float) -> str:
    """Return a value with its unit, as people read it."""
    if metric is Metric.SPEND:
        return f"${value:,.2f} a minute" if value >= TEN_CENTS else f"${value:.2g} a minute"
    if metric is Metric.CALL_COST:
        return f"${value:.3g}"
    if metric in (Metric.REQUESTS, Metric.TOKENS):
        return f"{_number(value)} {metric.value} a minute"
    if metric is Metric.LATENCY:
        return f"{_number(value)} {NATURES[metric].unit}"
    return f"{PERCENT * value:.3g} %"


def cause(each: Contribution) -> str:
    """Return a contribution in a few words."""
    return f"{_who(each)} {PERCENT * each.share:.0f} %"


def _cause(metric: Metric, each: Contribution) -> str:
    before, now = (f"{PERCENT * value:.3g} %" for value in (each.before, each.now))
    if metric is not Metric.MODEL_MIX:
        before, now = amount(metric, each.before), amount(metric, each.now)
    return f"{_who(each)}: {PERCENT * each.share:.0f} % of the change, from {before} to {now}"


def _who(each: Contribution) -> str:
    dimension = DIMENSIONS.get(each.dimension, each.dimension).replace("tag:", "tag ")
    return f"{dimension} {each.value}" if each.value else f"no {dimension}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= THOUSAND else f"{value:.3g}"


def _length(seconds: float) -> str:
    minutes = max(1, round(seconds / MINUTE))
    if seconds < 2 * HOUR:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{seconds / HOUR:.1f} hours"
