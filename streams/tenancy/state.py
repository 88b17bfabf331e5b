"""What one worker knows about one partition of tenants, rebuilt from the log whenever it is gained."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from schemas.batch import Completion, Passenger
from schemas.verdict import Verdict
from streams.outcomes import Done, InFlight, Outcome, Standing
from streams.records import Record
from streams.stage import Flow, Journey, Step
from streams.surveys import ToldSurveys
from streams.tenancy.inheritance import Inheritance
from streams.tenancy.spending import Spending
from streams.topics import DISPATCH, RESULTS
from streams.transport.offsets import Marks


class KnownRequests(Protocol):
    """The ledger of one partition."""

    def admit(self, key: str, digest: str) -> Standing:
        """Say whether the request is known, and know it from now on."""
        ...

    def known(self, key: str) -> InFlight | Done | None:
        """Say how a request stands by its id alone; None for a new one."""
        ...

    def in_flight(self, key: str, digest: str) -> None:
        """Know a request that a predecessor dispatched."""
        ...

    def ended(self, key: str, digest: str, offset: int) -> None:
        """Know where the result of a request lies."""
        ...

    def has_ended(self, key: str) -> bool:
        """Return whether the request is known to have its result."""
        ...

    def forget(self, key: str) -> None:
        """Forget a request, so that the next one under this key is new."""
        ...

    def make_room(self, count: int) -> None:
        """Remember at least this many of the newest results."""
        ...


class Entrance(Protocol):
    """What a message of one partition passes before it becomes requests."""

    def read(self, record: Record, now: float) -> Sequence[Outcome]:
        """Return the outcome of each request in a message; `now` is Unix seconds."""
        ...

    def recall(self, record: Record, now: float) -> None:
        """Know a message that a predecessor has read."""
        ...

    @property
    def remembers(self) -> bool:
        """Return whether a successor must recall messages."""
        ...

    @property
    def reach(self) -> int | None:
        """Return the offset from which on a successor must recall them, if known; it never goes back."""
        ...


class Governance(Step, Protocol):
    """The governance of one partition: a step, and a count of what it let in and has no result yet."""

    def resume(self, passenger: Passenger) -> None:
        """Know a request that a predecessor let in and dispatched."""
        ...

    def ended(self, key: str) -> None:
        """Hear that a request has its durable result, or is left to a provider's batch."""
        ...


class AnswerCache(Step, Protocol):
    """The cache of one partition: a step, and a fold over completions."""

    def complete(self, completion: Completion, now: float) -> Flow:
        """Keep an answer, and release the requests that waited for it."""
        ...

    def abandon(self, journey: Journey, now: float) -> Flow:
        """Let the next in line lead when a leader ended without a call."""
        ...

    def defer(self, journey: Journey, now: float) -> Flow:
        """Hear that a leader is left to a batch; release those who cannot wait as long."""
        ...

    def expire(self, now: float) -> Flow:
        """End the waiting requests whose deadline has passed."""
        ...

    def restore(self, completion: Completion, now: float) -> None:
        """Keep an answer a predecessor has seen."""
        ...

    def judge(self, verdicts: Sequence[Verdict]) -> None:
        """Learn whether answers to questions in other words were right."""
        ...

    def forget(self, data_key: str) -> None:
        """Drop the answers under a data key that was destroyed."""
        ...

    def evict(self) -> None:
        """Drop the answers that were taken out meanwhile."""
        ...

    def resume(self, fingerprint: str, leader_id: str) -> None:
        """Know a call that a predecessor dispatched and that is still under way."""
        ...


class Windows(Step, Protocol):
    """The windows of one partition: a step, and a timer."""

    def learn(self, completion: Completion) -> None:
        """Take in how a call ended."""
        ...

    def due(self, now: float) -> Flow:
        """Close the windows whose time has come."""
        ...

    def next_due(self) -> float | None:
        """Return when the next window must close, in Unix seconds."""
        ...


_Place = tuple[int, int, int]
"""Partition and offset of a call, and where the results ended; plain, so that the collector need not look at it."""


class OpenCalls:
    """Dispatched requests without a durable result, by where their calls lie in the dispatch topic.

    A successor must read the dispatch topic from the oldest of them on to know what is under way, and the results
    from the position at which the oldest was dispatched to know which of the others have ended since.
    """

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def __len__(self) -> int:
        return len(self._places)

    def open(self, key: str, partition: int, offset: int, results_position: int) -> None:
        """Note a call that is durable at this place, and where the results ended at that time."""
        self._places[key] = (partition, offset, results_position)

    def close(self, key: str) -> None:
        """Note that the request has its durable result."""
        self._places.pop(key, None)

    def move_back(self, marks: Marks, results_partition: int) -> Marks:
        """Return the marks, moved back so far that a successor learns of every open call."""
        oldest: dict[int, int] = {}
        results = sys.maxsize
        for partition, offset, results_position in self._places.values():  # thousands, at every commit
            if offset < oldest.get(partition, sys.maxsize):
                oldest[partition] = offset
            if results_position < results:
                results = results_position
        moved = dict(marks)
        for partition, offset in oldest.items():
            mark = (DISPATCH.name, partition)
            moved[mark] = min(moved.get(mark, 0), offset)
        if oldest:
            mark = (RESULTS.name, results_partition)
            moved[mark] = min(moved.get(mark, 0), results)
        return moved


@dataclass(slots=True)
class PartitionState:
    """Everything about one partition.

    Attributes:
        entrance: Reads messages, and checks who sent them.
        spending: The budgets of its tenants.
        surveys: What its tenants have been told of who competed.
        steps: Governance, screening for personal data, cache, windows, routing, in the order of the flow.
        results_position: Where the results of this partition end, as far as known.
        ending: Requests whose terminal result is being published.
        usage_seen: Ids of usage events a predecessor already published for completions that come again.
        waiting: By tenant, the requests that wait for a data key of his and those behind them, as intake keeps them.
        inherited: Which requests a predecessor may have let in.
    """

    partition: int
    entrance: Entrance
    ledger: KnownRequests
    governance: Governance
    personal_data: Step
    cache: AnswerCache
    windows: Windows
    routing: Step
    spending: Spending
    surveys: ToldSurveys
    calls: OpenCalls = field(default_factory=OpenCalls)
    results_position: int = 0
    ending: set[str] = field(default_factory=set)
    usage_seen: set[str] = field(default_factory=set)
    waiting: dict[str, list[Any]] = field(default_factory=dict)
    inherited: Inheritance = field(default_factory=Inheritance)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return the steps in the order of the flow."""
        return (self.governance, self.personal_data, self.cache, self.windows, self.routing)

    def ends(self, key: str, digest: str) -> None:
        """Note that the terminal result of a call is on its way to the log; its request may be news here."""
        self.ending.add(key)
        self.ledger.in_flight(key, digest)

    def has_answered(self, key: str) -> bool:
        """Return whether a request has its result, durable or on its way to the log."""
        return key in self.ending or self.ledger.has_ended(key)


def ledger_key(tenant: str | None, request_id: str) -> str:
    """Return the key under which a request is known: ids are unique per tenant, not beyond."""
    return f"{tenant or ''}\x00{request_id}"
