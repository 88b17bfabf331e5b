"""What a worker that gains partitions learns of calls under way, and of steps that ended.

A request that waits for its steps is not acknowledged and comes again; its steps were not forgotten with it. Those
dispatched lie in the dispatch topic, those that ended in the completions, both behind the marks of the requests.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.batch import Call, Completion, Passenger
from schemas.result import Lane
from streams.records import Record
from streams.tenancy.state import PartitionState, ledger_key
from streams.topics import COMPLETIONS, REQUESTS
from streams.transport.offsets import Checkpoint

Dispatched = tuple[Passenger, int, int]
"""A step, and partition and offset of its call."""


def know_call(state: PartitionState, call: Call, record: Record) -> None:
    """Know a call that has no result yet."""
    passenger = call.passenger
    key = ledger_key(passenger.tenant, passenger.id)
    if state.ledger.has_ended(key):
        return
    state.ledger.in_flight(key, passenger.digest)
    state.spending.hold(call)
    if passenger.lane is Lane.BATCH:  # nobody waits for it, and it may be open for a day
        if state.spending.outlast(passenger.tenant, key):
            state.calls.open(key, record.partition, record.offset, state.positions)
        return
    state.governance.resume(passenger)
    state.calls.open(key, record.partition, record.offset, state.positions)
    if passenger.fingerprint is not None:
        state.cache.resume(passenger.fingerprint, passenger.id)


def look_back(states: Mapping[int, PartitionState], checkpoints: Mapping[tuple[str, int], Checkpoint]) -> None:
    """Set the completions of partitions back to where those of calls under way may begin."""
    for p, state in states.items():
        point, requests = checkpoints.get((COMPLETIONS.name, p)), checkpoints.get((REQUESTS.name, p))
        end = 0 if point is None else point.offset
        mark = end if requests is None else requests.marks.get((COMPLETIONS.name, p), 0)
        state.completions_position = min(end, mark)


def know_dispatched(states: Mapping[int, PartitionState], steps: list[Dispatched]) -> None:
    """Know the steps of requests that come again; the others, by now known, have no need of theirs any more."""
    for passenger, partition, offset in steps:
        state, step = states[passenger.partition], passenger.step
        assert step is not None, "only steps are told apart"
        request_key = ledger_key(passenger.tenant, step.request_id)
        if state.ledger.known(request_key) is None:
            state.intermediate.resume(passenger)
            key = ledger_key(passenger.tenant, passenger.id)
            state.calls.open_step(key, request_key, partition, offset, state.positions)


def know_ended(
    state: PartitionState, completion: Completion, opened: Completion | None, now: float, *, accounted: bool
) -> None:
    """Know how a step ended.

    Args:
        state: The partition.
        completion: As it travels.
        opened: As it is accounted for; None where nobody can open it.
        now: Unix seconds.
        accounted: Whether a predecessor has accounted for it; otherwise it comes again.
    """
    if completion.passenger.step is None:
        return
    if not accounted:
        state.intermediate.recall_later(completion.passenger)
    elif opened is None:
        state.intermediate.lose(completion.passenger)
    else:
        state.intermediate.recall(opened, now)


def know_leaders(state: PartitionState) -> None:
    """Let identical steps wait for those still under way."""
    for passenger in state.intermediate.under_way():
        if passenger.fingerprint is not None:
            state.cache.resume(passenger.fingerprint, passenger.id)
