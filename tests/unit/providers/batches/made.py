"""Calls, records and books of the batch lane, made short."""

from __future__ import annotations

from agents.providers.batches.book import JobBook
from agents.providers.batches.identity import item_id, job_key
from schemas.batch import Call, Target
from schemas.jobs import AnyFact, ItemsTaken, JobIntended, JobRecord, ShardTaken
from schemas.result import Lane
from tests.flow.journeys import NOW, a_passenger

HOUR = 3600.0


def a_call(
    name: str, *, deadline: float | None = NOW + 24 * HOUR, model: str = "big", provider: str = "east", size: int = 10
) -> Call:
    """Return a call of the batch lane."""
    passenger = a_passenger(name, lane=Lane.BATCH)
    body = b'{"id":"%b","prompt":"%b"}' % (name.encode(), b"x" * size)
    return Call(passenger, body, (Target(model, provider), Target("small", "west")), NOW, deadline)


def ids(*names: str) -> list[str]:
    """Return the item ids of these requests."""
    return [item_id(a_passenger(name)) for name in names]


def intended(*names: str, provider: str = "east", model: str = "big") -> JobIntended:
    """Return the intention to submit these requests."""
    return JobIntended(job_key(provider, model, ids(*names)), provider, model, ids(*names))


def taken(*names: str) -> ItemsTaken:
    """Return that these requests are in custody."""
    return ItemsTaken([a_call(name) for name in names])


class Writer:
    """Writes facts of a shard to a book, as one that took it at the next offset."""

    def __init__(self, book: JobBook, offset: int = 0) -> None:
        self.book = book
        self.epoch = self.offset = offset
        book.fold(JobRecord(-1, NOW, [ShardTaken()]), offset)

    def write(self, *facts: AnyFact, at: float = NOW, offset: int | None = None) -> None:
        """Fold facts at the next offset, or at one that another writer left free."""
        self.offset = self.offset + 1 if offset is None else offset
        self.book.fold(JobRecord(self.epoch, at, list(facts)), self.offset)
