"""What is to be done now about what is open in a shard. Pure: the lane does it, or fails to, and asks again."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from agents.providers.batches.book import Item, Job, JobBook
from agents.providers.batches.packing import Limits, pack
from schemas.jobs import JobIntended
from schemas.settings import BatchSettings


class Errand(Enum):
    """What a job needs next."""

    CREATE = "submit it"
    FIND = "find out whether a predecessor, or an attempt without an answer, has submitted it"
    CANCEL = "ask the provider to stop"
    LOOK = "see whether it has ended"


@dataclass(slots=True)
class Plan:
    """What is to be done.

    Attributes:
        intend: Jobs to open.
        move: Items to call one by one instead.
        errands: What each job needs.
    """

    intend: list[JobIntended] = field(default_factory=list)
    move: list[Item] = field(default_factory=list)
    errands: dict[str, Errand] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    """What a writer knows of its own attempts, and a successor does not.

    Attributes:
        absent: Jobs that may have been submitted once, and certainly do not exist: they were looked for.
        look_at: Unix seconds before which a job is left alone.
    """

    absent: set[str] = field(default_factory=set)
    look_at: dict[str, float] = field(default_factory=dict)


def plan(book: JobBook, memory: Memory, limits: Mapping[str, Limits], settings: BatchSettings, now: float) -> Plan:
    """Return what is to be done at this moment.

    Args:
        book: What is open.
        memory: Of this writer.
        limits: Of a job, by provider; items of other providers are called.
        settings: Of the lane.
        now: Unix seconds.
    """
    found = Plan(move=list(_to_move(book, limits, settings, now)))
    moving = {item.id for item in found.move}
    waiting = [item for item in book.free.values() if item.id not in moving]
    found.intend = pack(waiting, limits, now, settings.collect_seconds)
    for job in book.jobs.values():
        if job.provider not in limits:
            continue  # it has left the configuration: nobody can be asked
        if now >= memory.look_at.get(job.key, -math.inf):
            found.errands[job.key] = _errand(job, book, memory.absent, settings, now)
        elif job.batch is not None and _should_cancel(job, book, settings, now):
            found.errands[job.key] = Errand.CANCEL
    return found


def rescue_at(item: Item, settings: BatchSettings) -> float:
    """Return the Unix seconds at which an item must be called instead, to be answered by its deadline."""
    deadline = item.call.deadline
    return math.inf if deadline is None else deadline - settings.rescue_seconds


def _to_move(book: JobBook, limits: Mapping[str, Limits], settings: BatchSettings, now: float) -> Iterator[Item]:
    for item in book.free.values():
        known = item.call.targets[0].provider in limits
        if item.unanswered or not known or rescue_at(item, settings) <= now:
            yield item
    for job in book.jobs.values():
        if job.provider not in limits or job.first_deadline - settings.rescue_seconds <= now:
            for item in _items_of(job, book):
                if item.waits and (job.provider not in limits or rescue_at(item, settings) <= now):
                    yield item


def _items_of(job: Job, book: JobBook) -> list[Item]:
    return [book.items[name] for name in job.items]


def _errand(job: Job, book: JobBook, absent: Collection[str], settings: BatchSettings, now: float) -> Errand:
    if job.batch is None:
        return Errand.FIND if job.attempted and job.key not in absent else Errand.CREATE
    return Errand.CANCEL if _should_cancel(job, book, settings, now) else Errand.LOOK


def _should_cancel(job: Job, book: JobBook, settings: BatchSettings, now: float) -> bool:
    """Return whether so many unfinished items must soon be called that the batch is better stopped for all.

    Left alone, it bills those items a second time; stopped, the others have to be called at the full price.
    """
    soon = job.first_deadline - settings.rescue_seconds - settings.cancel_seconds
    if now < soon or job.cancelled or job.positions is not None:
        return False
    items = _items_of(job, book)
    due = sum(item.moved or rescue_at(item, settings) - settings.cancel_seconds <= now for item in items)
    return due >= settings.cancel_share * len(items)
