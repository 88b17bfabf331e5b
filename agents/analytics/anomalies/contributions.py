"""What moved a series: which user, model, kind of task, tag or error.

Source of the idea: Bhagwan et al., "Adtributor: Revenue Debugging in Advertising Systems" (2014). A value explains a
change when it accounts for much of it *and* for more of it than of what was there anyway: a model that answers
everything accounts for all of every change and explains none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from agents.analytics.anomalies.figures import LOGARITHMIC, NATURES, Figures, amount_of, part_of
from schemas.anomaly import Contribution, Metric

MODEL = "model"
ERROR = "error"
LEAST_SHARE = 0.15
"""Of the change, that a value must account for."""
LEAST_EXCESS = 0.15
"""Of the change, that it must account for beyond what is its share anyway."""
PER_DIMENSION = 2
MOST = 6
DIGITS = 6


class Slice(NamedTuple):
    """One value of one dimension."""

    dimension: str
    value: str


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of a stretch of time.

    Attributes:
        minutes: How long it is.
        all: Over all requests.
        by: Over those of each value.
    """

    minutes: float
    all: Figures
    by: Mapping[Slice, Figures]


class _Found(NamedTuple):
    excess: float
    contribution: Contribution


def contributions(metric: Metric, before: Table, now: Table) -> tuple[Contribution, ...]:
    """Return what accounts for the change of a metric, the most telling first; none where nothing stands out.

    Args:
        metric: What changed.
        before: The organization's recent past.
        now: The episode.
    """
    slices = dict.fromkeys([*before.by, *now.by])
    if metric is Metric.MODEL_MIX:
        found = _of_mix(slices, before, now)
    elif NATURES[metric].counted:
        found = _of_amount(metric, slices, before, now)
    else:
        found = _of_rate(metric, slices, before, now)
    return _told(each for each in found if metric is Metric.ERROR_RATE or each.contribution.dimension != ERROR)


def _told(found: Iterable[_Found]) -> tuple[Contribution, ...]:
    kept: list[Contribution] = []
    counts: dict[str, int] = {}
    for excess, each in sorted(found, key=lambda one: (-one.excess, one.contribution.dimension)):
        if excess < LEAST_EXCESS or each.share < LEAST_SHARE or len(kept) >= MOST:
            continue
        counts[each.dimension] = counts.get(each.dimension, 0) + 1
        if counts[each.dimension] <= PER_DIMENSION:
            kept.append(each)
    return tuple(kept)


def _of_amount(metric: Metric, slices: Iterable[Slice], before: Table, now: Table) -> Iterator[_Found]:
    earlier, later = (amount_of(metric, table.all) / table.minutes for table in (before, now))
    change = later - earlier
    if not change:
        return
    for each in slices:
        was = amount_of(metric, before.by.get(each, Figures())) / before.minutes
        is_now = amount_of(metric, now.by.get(each, Figures())) / now.minutes
        share = (is_now - was) / change
        yield _found(each, was, is_now, share, was / earlier if earlier else 0.0)


def _of_rate(metric: Metric, slices: Iterable[Slice], before: Table, now: Table) -> Iterator[_Found]:
    """Account for the change of a mean of all requests.

    A value moves it by being off the earlier mean, by as much as it has requests, more than it did before: these
    parts add up to the change, whatever the shares of the values do.
    """
    earlier, later = part_of(metric, before.all), part_of(metric, now.all)
    if not earlier.over or not later.over:
        return
    usual = earlier.total / earlier.over
    change = later.total / later.over - usual
    if not change:
        return
    for each in slices:
        was, is_now = (part_of(metric, table.by.get(each, Figures())) for table in (before, now))
        moved = (is_now.total - is_now.over * usual) / later.over - (was.total - was.over * usual) / earlier.over
        own_before, own_now = (_mean(metric, part.total, part.over) for part in (was, is_now))
        yield _found(each, own_before, own_now, moved / change, is_now.over / later.over)


def _of_mix(slices: Iterable[Slice], before: Table, now: Table) -> Iterator[_Found]:
    """Account for the model that gained most, by whose requests it gained them."""
    earlier, later = (sum(table.all.models.values()) for table in (before, now))
    if not earlier or not later:
        return
    gains = {
        name: now.all.models.get(name, 0) / later - before.all.models.get(name, 0) / earlier
        for name in before.all.models.keys() | now.all.models.keys()
    }
    gained = max(sorted(gains), key=lambda name: gains[name])
    usual, change = before.all.models.get(gained, 0) / earlier, gains[gained]
    if change <= 0:
        return
    yield _found(Slice(MODEL, gained), usual, usual + change, 1.0, 0.0)
    for each in slices:
        if each.dimension == MODEL:
            continue
        was, is_now = (table.by.get(each, Figures()).models for table in (before, now))
        had, has = sum(was.values()), sum(is_now.values())
        own_before, own_now = was.get(gained, 0), is_now.get(gained, 0)
        moved = (own_now - has * usual) / later - (own_before - had * usual) / earlier
        rates = (own_before / had if had else 0.0, own_now / has if has else 0.0)
        yield _found(each, *rates, moved / change, has / later)


def _mean(metric: Metric, total: float, count: int) -> float:
    if not count:
        return 0.0
    return math.exp(total / count) if metric in LOGARITHMIC else total / count


def _found(each: Slice, was: float, is_now: float, share: float, anyway: float) -> _Found:
    contribution = Contribution(
        dimension=each.dimension,
        value=each.value,
        before=round(was, DIGITS),
        now=round(is_now, DIGITS),
        share=round(share, DIGITS),
    )
    return _Found(share - anyway, contribution)
