"""From a completion to money: the request's result and its usage events, exact to the last digit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from agents.accounting.savings import savings_on
from agents.accounting.tariff import Charge, charge_for
from schemas.batch import Completion, PaidCall, Passenger
from schemas.prices import NOTHING
from schemas.registry import ModelRegistry
from schemas.result import Status
from schemas.wire import (
    ProblemRecord,
    ResultRecord,
    Tokens,
    TraceRecord,
    UsageRecord,
    plain,
    sealed_under,
)
from streams.placeholders import restored
from streams.stage import moment, ms_between
from streams.steps.accounts import with_steps

NO_TOKENS = Tokens()
NO_ANSWER = ProblemRecord("no_answer", "the call ended with neither an answer nor a reason", "send the request again")


@dataclass(slots=True)
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
    the savings exactly; see `savings_on`.
    """
    passenger = completion.passenger
    cost, charges, usages = _bill(completion, registry, superseded=False)
    answering = completion.answering_call()
    tokens = NO_TOKENS if answering is None else answering.tokens
    baseline, savings = savings_on(completion, tokens, cost, charges, registry)
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
        output=restored(completion.answer, passenger.originals),
        model=None if by is None else by.model,
        provider=None if by is None else by.provider,
        lane=passenger.lane,
        task_type=passenger.task_type,
        usage=tokens,
        baseline=baseline,
        savings=savings,
        decision=msgspec.Raw(passenger.choice),
        error=problem,
        stages_ms=_stages(completion, now),
        latency_ms=ms_between(passenger.received_at, now),
        attempts=completion.attempts,
        tags=passenger.tags,
        trace=None if passenger.traceparent is None else TraceRecord(passenger.traceparent, passenger.tracestate),
        request_digest=passenger.digest,
        checks=list(completion.checks),
        personal_data=passenger.personal_data,
        injection=list(passenger.injection),
        sealed=sealed_under(passenger.data_key),
        team=passenger.team,
    )
    if passenger.steps:
        result = with_steps(result, passenger.steps)
    return Settlement(result, usages)


def supersede(completion: Completion, registry: ModelRegistry) -> Settlement:
    """Return what another completion of a request that has its result comes to: usage alone, marked as superseded.

    It happens when a worker was killed between a call and its commit, so that the call was made again.
    """
    _, _, usages = _bill(completion, registry, superseded=True)
    return Settlement(None, usages)


def _bill(
    completion: Completion, registry: ModelRegistry, *, superseded: bool
) -> tuple[Decimal, list[Charge], list[UsageRecord]]:
    """Return what the paid calls cost together, what each cost, and an event for each."""
    passenger = completion.passenger
    total, charges, usages = NOTHING, [], []
    for call in completion.paid:
        charge = charge_for(call, passenger.reference_model, registry)
        total += charge.cost
        charges.append(charge)
        usages.append(_usage_of(call, passenger, plain(charge.cost), charge.price_list, superseded))
    return total, charges, usages


def _usage_of(call: PaidCall, passenger: Passenger, cost: str, price_list: str, superseded: bool) -> UsageRecord:
    step = passenger.step
    return UsageRecord(
        id=call.id,
        request_id=passenger.id if step is None else step.request_id,
        tenant=passenger.tenant,
        model=call.model,
        provider=call.provider,
        lane=passenger.lane,
        usage=call.tokens,
        cost_usd=cost,
        price_list=price_list,
        latency_ms=call.latency_ms,
        occurred_at=moment(call.started_at),
        user=passenger.user,
        task_type=passenger.task_type,
        attempt=call.attempt,
        superseded=superseded,
        tags=passenger.tags,
        batch=call.batch,
        team=passenger.team,
        key_id=passenger.key_id,
        step=None if step is None else step.name,
    )


def _outcome(completion: Completion) -> tuple[Status, ProblemRecord | None]:
    if completion.answer is not None:
        return Status.COMPLETED, None
    failure = completion.failure
    if failure is None:
        return Status.FAILED, NO_ANSWER
    status = Status.EXPIRED if failure.expired else Status.FAILED
    return status, ProblemRecord(failure.code, failure.message, failure.remedy)


def _stages(completion: Completion, now: float) -> dict[str, float]:
    """Return the time per stage: as noted up to the call's end, and from there until it is settled."""
    return {**completion.stages_ms, "accounting": ms_between(completion.completed_at, now)}
