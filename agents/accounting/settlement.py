"""From a completion to money: the request's result and its usage events, exact to the last digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from agents.accounting.tariff import NOTHING, Charge, charge_for
from schemas.batch import Completion, PaidCall, Passenger
from schemas.prices import cost_of
from schemas.registry import ModelRegistry
from schemas.result import Status
from schemas.wire import (
    BaselineRecord,
    ProblemRecord,
    ResultRecord,
    SavingsRecord,
    Tokens,
    TraceRecord,
    UsageRecord,
    plain,
)
from streams.stage import MS_PER_SECOND, moment

NO_TOKENS = Tokens()
NO_SAVINGS = SavingsRecord()
NO_ANSWER = ProblemRecord("no_answer", "the call ended with neither an answer nor a reason", "send the request again")


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a completion comes to.

    Attributes:
        result: The terminal result; None when the request already has one.
        usages: One event per paid call.
    """

    result: ResultRecord | None
    usages: list[UsageRecord]


def settle(completion: Completion, registry: ModelRegistry, now: float) -> Settlement:
    """Return the result and the usage events of a completion.

    The request costs what all its paid calls cost, those that failed included. Baseline minus cost equals the sum of
    the savings exactly: the baseline is the answering call's tokens at the tenant's reference model, and whatever a
    failed request has cost is a negative saving against a baseline of 0. Without a price for the reference model, or
    without any cost and answer, there is neither a baseline nor a saving.
    """
    passenger = completion.passenger
    charges = [charge_for(call, passenger.reference_model, registry) for call in completion.paid]
    cost = _total(charges)
    answering = completion.answering_call()
    tokens = NO_TOKENS if answering is None else answering.tokens
    baseline, savings = _against_reference(completion, tokens, cost, registry)
    status, problem = _outcome(completion)
    by = completion.answered_by
    result = ResultRecord(
        id=passenger.id,
        status=status,
        cost_usd=plain(cost),
        received_at=moment(passenger.received_at),
        completed_at=moment(now),
        tenant=passenger.tenant,
        user=passenger.user,
        output=completion.answer,
        model=None if by is None else by.model,
        provider=None if by is None else by.provider,
        lane=passenger.lane,
        task_type=passenger.task_type,
        usage=tokens,
        baseline=baseline,
        savings=savings,
        decision=passenger.choice,
        error=problem,
        stages_ms=_stages(completion, now),
        latency_ms=max(0.0, (now - passenger.received_at) * MS_PER_SECOND),
        attempts=completion.attempts,
        tags=passenger.tags,
        trace=None if passenger.traceparent is None else TraceRecord(passenger.traceparent, passenger.tracestate),
        request_digest=passenger.digest,
    )
    return Settlement(result, _usages(completion.paid, charges, passenger, superseded=False))


def supersede(completion: Completion, registry: ModelRegistry) -> Settlement:
    """Return what a second completion of a settled request comes to: its calls were paid for, it has no result."""
    passenger = completion.passenger
    charges = [charge_for(call, passenger.reference_model, registry) for call in completion.paid]
    return Settlement(None, _usages(completion.paid, charges, passenger, superseded=True))


def _total(charges: Sequence[Charge]) -> Decimal:
    if len(charges) == 1:
        return charges[0].cost  # by far the most frequent
    return sum((charge.cost for charge in charges), NOTHING)


def _against_reference(
    completion: Completion, tokens: Tokens, cost: Decimal, registry: ModelRegistry
) -> tuple[BaselineRecord | None, SavingsRecord]:
    answered = completion.answer is not None
    model = completion.passenger.reference_model
    reference = registry.get(model)
    if reference is None or not (answered or cost):
        return None, NO_SAVINGS
    baseline = cost_of(tokens, reference.price) if answered else NOTHING
    return BaselineRecord(model, plain(baseline)), SavingsRecord(routing=plain(baseline - cost))


def _outcome(completion: Completion) -> tuple[Status, ProblemRecord | None]:
    if completion.answer is not None:
        return Status.COMPLETED, None
    failure = completion.failure
    if failure is None:
        return Status.FAILED, NO_ANSWER
    status = Status.EXPIRED if failure.expired else Status.FAILED
    return status, ProblemRecord(failure.code, failure.message, failure.remedy)


def _stages(completion: Completion, now: float) -> dict[str, float]:
    """Return the time per stage: as noted on the way, and from the call's end until it is settled."""
    stages = dict(completion.stages_ms)
    if "providers" not in stages and completion.paid:
        stages["providers"] = sum(call.latency_ms for call in completion.paid)
    stages["accounting"] = max(0.0, (now - completion.completed_at) * MS_PER_SECOND)
    return stages


def _usages(
    calls: Sequence[PaidCall], charges: Sequence[Charge], passenger: Passenger, *, superseded: bool
) -> list[UsageRecord]:
    return [
        UsageRecord(
            id=call.id,
            request_id=passenger.id,
            tenant=passenger.tenant,
            model=call.model,
            provider=call.provider,
            lane=passenger.lane,
            usage=call.tokens,
            cost_usd=plain(charge.cost),
            price_list=charge.price_list,
            latency_ms=call.latency_ms,
            occurred_at=moment(call.started_at),
            user=passenger.user,
            task_type=passenger.task_type,
            attempt=call.attempt,
            superseded=superseded,
            tags=passenger.tags,
        )
        for call, charge in zip(calls, charges, strict=True)
    ]
