"""What one worker knows about one partition of tenants, rebuilt from the log whenever it is gained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from schemas.batch import Completion, Passenger, StepOf
from schemas.verdict import Verdict
from schemas.wire import ProblemRecord, ResultRecord
from streams.outcomes import Done, InFlight, Outcome, Standing
from streams.records import Record
from streams.stage import Flow, Journey, Step
from streams.surveys import ToldSurveys
from streams.tenancy.inheritance import Inheritance
from streams.tenancy.open_calls import OpenCalls, Positions
from streams.tenancy.spending import Spending


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


class StepKeeper(Step, Protocol):
    """The intermediate cache of one partition: requests wait in it while their steps are taken."""

    def refuse(self, journey: Journey, result: ResultRecord, now: float) -> Flow:
        """Take in that a request which declares steps has ended before any was taken; return it with its result."""
        ...

    def end(self, tenant: str, step: StepOf, result: ResultRecord, now: float) -> Flow:
        """Take in how a step ended; return what that lets go on."""
        ...

    def give_up(self, tenant: str, step: StepOf, problem: ProblemRecord, now: float) -> Flow:
        """End a request whose step tripped over a bug."""
        ...

    def claim(self, passenger: Passenger, *, known: bool) -> bool:
        """Return whether what the call of a step cost is to be counted in its request's result."""
        ...

    @property
    def leaving(self) -> int:
        """Number of requests that have left and are not durable behind their steps yet."""
        ...

    def left(self, key: str) -> None:
        """Hear that a request is durable behind its steps."""
        ...

    def awaits(self, tenant: str, step: StepOf) -> bool:
        """Return whether a successor must find the call of a step."""
        ...

    def resume(self, passenger: Passenger) -> None:
        """Know a step that a predecessor dispatched for a request that comes again."""
        ...

    def recall(self, completion: Completion, now: float) -> None:
        """Know how a step ended that a predecessor accounted for."""
        ...

    def recall_later(self, passenger: Passenger) -> None:
        """Know that a step has ended, and that its completion comes again to be accounted for."""
        ...

    def lose(self, passenger: Passenger) -> None:
        """Know that nobody can say how a step ended."""
        ...

    def under_way(self) -> Iterable[Passenger]:
        """Give the steps that a predecessor dispatched and that have not ended."""
        ...

    def forget(self, data_key: str) -> None:
        """Drop the results under a data key that was destroyed."""
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


@dataclass(slots=True)
class PartitionState:
    """Everything about one partition.

    Attributes:
        entrance: Reads messages, and checks who sent them.
        spending: The budgets of its tenants.
        surveys: What its tenants have been told of who competed.
        intermediate: Where requests wait for their steps.
        steps: Governance, screening for personal data, cache, windows, routing, in the order of the flow.
        results_position: Where the results of this partition end, as far as known.
        completions_position: Where its completions end, as far as they were taken in.
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
    intermediate: StepKeeper
    cache: AnswerCache
    windows: Windows
    routing: Step
    spending: Spending
    surveys: ToldSurveys
    calls: OpenCalls = field(default_factory=OpenCalls)
    results_position: int = 0
    completions_position: int = 0
    ending: set[str] = field(default_factory=set)
    usage_seen: set[str] = field(default_factory=set)
    waiting: dict[str, list[Any]] = field(default_factory=dict)
    inherited: Inheritance = field(default_factory=Inheritance)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return the steps in the order of the flow."""
        return (self.governance, self.personal_data, *self.steps_from_cache)

    @property
    def steps_with_intermediate(self) -> tuple[Step, ...]:
        """Return the steps for requests of which some declare steps of their own."""
        return (self.governance, self.personal_data, self.intermediate, *self.steps_from_cache)

    @property
    def steps_from_cache(self) -> tuple[Step, ...]:
        """Return the steps that follow once a prompt stands."""
        return (self.cache, self.windows, self.routing)

    @property
    def positions(self) -> Positions:
        """Return how far the partition is."""
        return Positions(self.results_position, self.completions_position)

    def ends(self, key: str, digest: str) -> None:
        """Note that the terminal result of a call is on its way to the log; its request may be news here."""
        self.ending.add(key)
        self.ledger.in_flight(key, digest)

    def left_steps(self, key: str) -> None:
        """Note that a request is durable behind its steps: a successor need not find them."""
        self.calls.close_steps(key)
        self.intermediate.left(key)

    def has_answered(self, key: str) -> bool:
        """Return whether a request has its result, durable or on its way to the log."""
        return key in self.ending or self.ledger.has_ended(key)


def ledger_key(tenant: str | None, request_id: str) -> str:
    """Return the key under which a request is known: ids are unique per tenant, not beyond."""
    return f"{tenant or ''}\x00{request_id}"
