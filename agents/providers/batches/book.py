"""What is open in one shard of the batch lane: a fold over its facts. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from agents.providers.batches.identity import item_id
from schemas.batch import Call
from schemas.jobs import (
    AnyFact,
    CancelAsked,
    CollectionBegun,
    InputUploaded,
    ItemsAnswered,
    ItemsMoved,
    ItemsTaken,
    JobClosed,
    JobCreated,
    JobIntended,
    JobRecord,
    JobRefused,
    ShardTaken,
    SubmissionBegun,
)

NO_EPOCH = -1


@dataclass(slots=True)
class Item:
    """One request in the batch lane.

    Attributes:
        place: Offset of the record that took it in.
        taken_at: Unix seconds.
        job: The job it belongs to, if any yet.
        unanswered: Its job has ended without an answer for it, so it must be called.
        moved: It is called instead.
        answered: Its request has a durable completion.
        positions: Where its completion, once moved, is to be looked for.
    """

    id: str
    call: Call
    place: int
    taken_at: float
    job: str | None = None
    unanswered: bool = False
    moved: bool = False
    answered: bool = False
    positions: Mapping[int, int] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether a batch is what it still waits for."""
        return not self.moved and not self.answered


@dataclass(slots=True)
class Job:
    """One batch, from the intention to the last result.

    Attributes:
        intended_at: Unix seconds.
        attempted: It may have been submitted; nobody knows until its batch is known or has been looked for.
        file: What the lines were uploaded as, where that is a step of its own.
        batch: The provider's id, once it is known to exist.
        created_at: Unix seconds, by the provider's clock.
        cancelled: The provider has been asked to stop.
        positions: Where completions of its results are to be looked for; None before its collection began.
        first_deadline: Unix seconds; of its items, infinite without any.
    """

    key: str
    provider: str
    model: str
    items: tuple[str, ...]
    intended_at: float
    attempted: bool = False
    file: str | None = None
    batch: str | None = None
    created_at: float = 0.0
    cancelled: bool = False
    positions: Mapping[int, int] | None = None
    first_deadline: float = math.inf


class JobBook:
    """The open items and jobs of one shard.

    Attributes:
        items: Everything open, in order of arrival.
        free: Of the items, those without a job that wait for one or for a call.
        epoch: Of the newest writer.
    """

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.free: dict[str, Item] = {}
        self.jobs: dict[str, Job] = {}
        self.epoch = NO_EPOCH

    def __len__(self) -> int:
        return len(self.items)

    @property
    def first_place(self) -> int | None:
        """Offset of the oldest record that a successor must read, or None when nothing is open."""
        first = next(iter(self.items.values()), None)
        return None if first is None else first.place

    def positions(self) -> Iterator[Mapping[int, int]]:
        """Yield from where in the completions topic open items may have been answered."""
        for item in self.items.values():
            if item.moved and not item.answered:
                yield item.positions
        for job in self.jobs.values():
            if job.positions is not None:
                yield job.positions

    def fold(self, record: JobRecord, offset: int) -> None:
        """Take in the facts of the record at this offset.

        What happened is true whoever wrote it. Decisions count only from the writer in charge: one that has been
        replaced without knowing may still decide, and its successor has decided by then.
        """
        self.epoch = max(self.epoch, record.epoch)
        for fact in record.facts:
            if isinstance(fact, ShardTaken):
                self.epoch = max(self.epoch, offset)
            elif isinstance(fact, JobIntended | ItemsMoved) and record.epoch != self.epoch:
                continue
            else:
                self._apply(fact, record.at, offset)

    def _apply(self, fact: AnyFact, at: float, offset: int) -> None:  # noqa: C901 -- one case per kind of fact
        match fact:
            case ItemsTaken(calls):
                self._take(calls, at, offset)
            case JobIntended(key, provider, model, items):
                self._intend(Job(key, provider, model, tuple(items), at))
            case ItemsMoved(items, positions):
                for item in self._open(items):
                    item.moved, item.positions = True, positions
                    self.free.pop(item.id, None)
            case ItemsAnswered(items):
                self._answer(items)
            case JobRefused(key, _, again) if key in self.jobs:
                self._end(key, again=again)
            case JobClosed(key) if key in self.jobs:
                self._end(key, again=False)
            case InputUploaded(key, file) if key in self.jobs:
                self.jobs[key].file = file
            case SubmissionBegun(key) if key in self.jobs:
                self.jobs[key].attempted = True
            case JobCreated(key, batch, created_at) if key in self.jobs:
                if self.jobs[key].batch is None:
                    self.jobs[key].batch, self.jobs[key].created_at = batch, created_at
            case CancelAsked(key) if key in self.jobs:
                self.jobs[key].cancelled = True
            case CollectionBegun(key, positions) if key in self.jobs:
                if self.jobs[key].positions is None:
                    self.jobs[key].positions = positions
            case _:
                pass  # of a job that has ended

    def _take(self, calls: Iterable[Call], at: float, offset: int) -> None:
        for call in calls:
            name = item_id(call.passenger)
            if name not in self.items:
                self.items[name] = self.free[name] = Item(name, call, offset, at)

    def _intend(self, job: Job) -> None:
        """Open a job, unless one of its items is spoken for: then it was decided without knowing that."""
        items = [self.items.get(name) for name in job.items]
        if job.key in self.jobs or any(item is None or item.job or not item.waits for item in items):
            return
        self.jobs[job.key] = job
        for item in self._open(job.items):
            item.job = job.key
            del self.free[item.id]
            if item.call.deadline is not None:
                job.first_deadline = min(job.first_deadline, item.call.deadline)

    def _answer(self, names: Iterable[str]) -> None:
        for item in self._open(names):
            item.answered = True
            if item.job is None:
                del self.items[item.id]
                self.free.pop(item.id, None)

    def _end(self, key: str, *, again: bool) -> None:
        """Close a job: answered items go with it, the others are on their own again."""
        for item in self._open(self.jobs.pop(key).items):
            item.job = None
            item.unanswered = not again
            if item.answered:
                del self.items[item.id]
            elif not item.moved:
                self.free[item.id] = item

    def _open(self, names: Iterable[str]) -> list[Item]:
        return [item for name in names if (item := self.items.get(name)) is not None]
