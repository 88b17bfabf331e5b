"""Which requests are submitted together: of one provider and model, with about as much time. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from agents.providers.batches.book import Item
from agents.providers.batches.identity import job_key
from schemas.jobs import JobIntended

LINE_BYTES = 1_024
"""What a line holds besides the request's own body, and a bit: sizes are estimated before lines are made."""


class Limits(NamedTuple):
    """The most that one job may hold."""

    items: int
    bytes: int


class _Class(NamedTuple):
    provider: str
    model: str
    horizon: int


@dataclass(slots=True)
class _Load:
    items: list[Item]
    size: int = 0


def pack(
    items: Iterable[Item], limits: Mapping[str, Limits], now: float, collect_seconds: float
) -> list[JobIntended]:
    """Return the jobs that are ready to be submitted.

    Args:
        items: Those without a job that wait for one, in order of arrival.
        limits: By provider.
        now: Unix seconds.
        collect_seconds: A job that is not full waits for more until its first item has waited so long.
    """
    jobs: list[JobIntended] = []
    loads: dict[_Class, _Load] = {}
    for item in items:
        target = item.call.targets[0]
        key = _Class(target.provider, target.model, _horizon(item, now))
        most = limits[target.provider]
        size = len(item.call.body) + LINE_BYTES
        load = loads.setdefault(key, _Load([]))
        if load.items and (len(load.items) >= most.items or load.size + size > most.bytes):
            jobs.append(_job(key, load))
            load = loads[key] = _Load([])
        load.items.append(item)
        load.size += size
        if len(load.items) >= most.items:
            jobs.append(_job(key, loads.pop(key)))
    jobs += [_job(key, load) for key, load in loads.items() if now - load.items[0].taken_at >= collect_seconds]
    return jobs


def _job(key: _Class, load: _Load) -> JobIntended:
    names = [item.id for item in load.items]
    return JobIntended(job_key(key.provider, key.model, names), key.provider, key.model, names)


def _horizon(item: Item, now: float) -> int:
    """Return the power of two below the seconds left: who must be rescued at about the same time rides together."""
    deadline = item.call.deadline
    return 0 if deadline is None else math.frexp(max(0.0, deadline - now))[1]
