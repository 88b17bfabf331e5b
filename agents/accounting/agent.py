"""Receiving completions: price them, answer, count, fill the cache and release who waited."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import msgspec

from schemas.batch import Completion, Failure, StepOf
from schemas.errors import KeyOutOfReach
from schemas.result import Status
from schemas.wire import DeadLetterRecord, ProblemRecord, ResultRecord, UsageRecord
from streams.background import Background
from streams.catchall import Bug, contain
from streams.deadletters import dead_letter
from streams.receipts import BatchReceipt, Capacity
from streams.records import Record
from streams.sealing.codec import read_completions
from streams.stage import Flow, Receipt, moment
from streams.tenancy.delivery import Delivery
from streams.tenancy.fold import Clock, EndedStep, merge
from streams.tenancy.owner import Tenancy
from streams.tenancy.state import PartitionState, ledger_key

logger = logging.getLogger(__name__)

BUG = ProblemRecord(
    "internal_error",
    "the answer could not be accounted for because of a fault in Asahi",
    "the operators find it with `asahi deadletter list`; send the request again under a new id",
)


FAILURE = Failure(BUG.code, BUG.message, BUG.remedy)


class Settled(Protocol):
    """What becomes of a completion."""

    @property
    def result(self) -> ResultRecord | None:
        """The terminal result; None when the request has one already."""
        ...

    @property
    def usages(self) -> Sequence[UsageRecord]:
        """One per paid call."""
        ...


Settle = Callable[[Completion, float, bool], Settled]
"""(completion, now, superseded) to its settlement."""
Onward = Callable[[PartitionState, Flow], Coroutine[Any, Any, None]]
"""Leads released journeys through the later steps and makes the flow durable."""


StepsEnded = Callable[[PartitionState, Sequence[EndedStep]], Coroutine[Any, Any, None]]
"""Leads on what ends of steps let go on, and makes that durable."""


_Arrival = tuple[Record, int, Completion]
"""One completion as it travels: in this message, at this place."""


@dataclass(slots=True)
class _Accounts:
    """What so many completions of one delivery come to."""

    results: list[tuple[ResultRecord, Receipt | None]] = field(default_factory=list)
    usages: list[UsageRecord] = field(default_factory=list)
    letters: list[DeadLetterRecord] = field(default_factory=list)
    released: Flow = field(default_factory=Flow)
    steps: list[EndedStep] = field(default_factory=list)


class Accounting:
    """The accounting stage of this worker.

    Args:
        capacity: Bounds the completions whose results are not durable yet. Nothing else does: a call counts against
            the provider stage only until its completion is durable.
    """

    def __init__(
        self,
        tenancy: Tenancy,
        settle: Settle,
        delivery: Delivery,
        onward: Onward,
        steps_ended: StepsEnded,
        background: Background,
        clock: Clock,
        dead_letter_bytes: int,
        capacity: Capacity,
    ) -> None:
        self._capacity = capacity
        self._steps_ended = steps_ended
        self._tenancy = tenancy
        self._settle = settle
        self._delivery = delivery
        self._onward = onward
        self._background = background
        self._clock = clock
        self._dead_letter_bytes = dead_letter_bytes

    async def receive(self, partition: int, records: Sequence[Record], acknowledge: Callable[[], object]) -> None:
        """Account for one delivery; it is acknowledged when results and usage are durable."""
        state = self._tenancy.states.get(partition)
        if state is None:
            return
        arrived = [
            (record, place, completion)
            for record in records
            for place, completion in enumerate(read_completions(record.value or b""))
        ]
        epoch = self._capacity.epoch
        if not await self._capacity.take(len(arrived)):
            return
        if self._tenancy.states.get(partition) is not state:  # given up while this waited
            self._capacity.give_back(epoch, len(arrived))
            return
        if records:
            self._tenancy.note_completions(state, records[-1].offset + 1)
        receipt = BatchReceipt(len(arrived), acknowledge, self._capacity)
        receipt.close()
        self._take_in(state, arrived, receipt)

    def _take_in(self, state: PartitionState, arrived: Sequence[_Arrival], receipt: BatchReceipt) -> None:
        """Account for completions; for those whose data key is out of reach when it is there."""
        accounts = _Accounts()
        waiting: dict[tuple[str, str], tuple[KeyOutOfReach, list[_Arrival]]] = {}
        now = self._clock()
        for record, place, travelling in arrived:
            completion = travelling
            if travelling.passenger.data_key is not None:
                try:
                    completion = self._delivery.codec.opened_completion(travelling)
                except KeyOutOfReach as away:
                    _, those = waiting.setdefault((away.tenant, away.key_id), (away, []))
                    those.append((record, place, travelling))
                    continue
            for work in (self._account, self._release):
                bug = contain(partial(work, state, completion, now, accounts), "accounting")
                if isinstance(bug, Bug):
                    accounts.letters.append(self._letter(record, place, travelling, now, bug))
        count = len(arrived) - sum(len(those) for _, those in waiting.values())
        if count:
            self._background.start(self._conclude(state, accounts, receipt, count))
        if accounts.released.onward or accounts.released.ended:
            self._background.start(self._onward(state, accounts.released))
        for key, those in waiting.values():
            self._background.start(self._take_in_later(key, state, those, receipt))

    async def _take_in_later(
        self, away: KeyOutOfReach, state: PartitionState, arrived: Sequence[_Arrival], receipt: BatchReceipt
    ) -> None:
        await self._delivery.patience.wait(away)
        self._take_in(state, arrived, receipt)

    def _account(self, state: PartitionState, completion: Completion, now: float, into: _Accounts) -> None:
        """Price a completion; one that cannot be priced fails its request, unless that has its result."""
        if completion.brought_back:
            return
        if completion.passenger.step is not None:
            self._account_step(state, completion, completion.passenger.step, now, into)
            return
        key = ledger_key(completion.passenger.tenant, completion.passenger.id)
        superseded = state.has_answered(key)
        result: ResultRecord | None = None
        try:
            settled = self._settle(completion, now, superseded)
            result = settled.result
            into.usages += settled.usages
        except Exception:
            result = None if superseded else _failed(completion, now)
            raise
        finally:
            if result is not None:
                into.results.append((result, None))
                state.ends(key, completion.passenger.digest)

    def _account_step(
        self, state: PartitionState, completion: Completion, step: StepOf, now: float, into: _Accounts
    ) -> None:
        """Price the call of a step; what it cost counts in its request's result, unless that goes on without it."""
        tenant = completion.passenger.tenant
        request_key = ledger_key(tenant, step.request_id)
        known = state.has_answered(request_key) or state.ledger.known(request_key) is not None
        counts = state.intermediate.claim(completion.passenger, known=known)
        result = _failed(completion, now) if counts else None
        try:
            settled = self._settle(completion, now, not counts)
            result = settled.result
            into.usages += settled.usages
        finally:
            if result is not None:
                into.steps.append((tenant, step, result))

    def _release(self, state: PartitionState, completion: Completion, now: float, into: _Accounts) -> None:
        """Fill the cache and release who waited; where that fails, the others fail as well rather than wait."""
        state.windows.learn(completion)
        try:
            merge(into.released, state.cache.complete(completion, now))
        except Exception:
            failed = msgspec.structs.replace(completion, answer=None, answered_by=None, failure=FAILURE)
            merge(into.released, state.cache.complete(failed, now))
            raise

    async def _conclude(self, state: PartitionState, accounts: _Accounts, receipt: BatchReceipt, count: int) -> None:
        if accounts.letters:
            await self._delivery.dead_letters(state.partition, accounts.letters)
        await self._delivery.usages_then_results(state, accounts.results, accounts.usages)
        if accounts.released.verdicts:
            await self._delivery.verdicts(state.partition, accounts.released.verdicts)
        if accounts.steps and self._tenancy.states.get(state.partition) is state:
            self._background.start(self._steps_ended(state, accounts.steps))
        receipt.settle(count)

    def _letter(self, record: Record, place: int, completion: Completion, now: float, bug: Bug) -> DeadLetterRecord:
        """Make a dead letter of a completion as it travels."""
        value = msgspec.json.encode(completion)
        keep = self._dead_letter_bytes
        trace = bug.traceback if completion.passenger.data_key is None else bug.frames
        return dead_letter(record, place, "accounting", BUG, value, now=now, keep_bytes=keep, traceback=trace)


def _failed(completion: Completion, now: float) -> ResultRecord:
    passenger = completion.passenger
    return ResultRecord(
        id=passenger.id,
        status=Status.FAILED,
        cost_usd="0",
        received_at=moment(passenger.received_at),
        completed_at=moment(now),
        tenant=passenger.tenant,
        user=passenger.user,
        error=BUG,
        tags=passenger.tags,
        request_digest=passenger.digest,
        personal_data=passenger.personal_data,
        injection=list(passenger.injection),
        team=passenger.team,
    )
