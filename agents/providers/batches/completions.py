"""What a batch says of an item as the completion of its request. Pure."""

from __future__ import annotations

import msgspec

from agents.providers.batches.book import Item, Job
from agents.providers.batches.identity import paid_call_id
from agents.providers.batches.interface import Outcome
from schemas.batch import Call, Completion, Failure, PaidCall, Target
from schemas.errors import ProviderUnreadable
from schemas.wire import Tokens

STAGE = "batch"
MS_PER_SECOND = 1000.0
STAGE_DECIMALS = 3


def completion_of(item: Item, job: Job, outcome: Outcome, now: float) -> Completion | None:
    """Return how an item ended in its batch; None when nothing was billed and it is to be called instead.

    Args:
        item: As it is open.
        job: Its job, whose batch has ended.
        outcome: What the batch says of it.
        now: Unix seconds.
    """
    reply = outcome.reply
    tokens: Tokens | None = outcome.billed if reply is None else reply.tokens
    if tokens is None or job.batch is None:
        return None
    latency_ms = round(max(0.0, now - job.created_at) * MS_PER_SECOND, STAGE_DECIMALS)
    paid = PaidCall(
        id=paid_call_id(job.batch, item.id),
        model=job.model,
        provider=job.provider,
        attempt=1,
        tokens=tokens,
        latency_ms=latency_ms,
        started_at=job.created_at,
        batch=True,
    )
    return Completion(
        passenger=item.call.passenger,
        completed_at=now,
        answer=None if reply is None else reply.answer,
        failure=_unreadable(outcome) if reply is None else None,
        answered_by=None if reply is None else Target(job.model, job.provider),
        paid=(paid,),
        attempts=1,
        stages_ms=stages_of(item.call, now),
        batch=job.batch,
    )


def stages_of(call: Call, now: float) -> dict[str, float]:
    """Return the call's stages with the time it has spent in the batch lane."""
    waited = round(max(0.0, now - call.dispatched_at) * MS_PER_SECOND, STAGE_DECIMALS)
    return {**call.stages_ms, STAGE: waited}


def called_instead(item: Item, now: float) -> Call:
    """Return the call of an item that leaves the batch lane: dispatched now, with its wait noted."""
    return msgspec.structs.replace(item.call, dispatched_at=now, stages_ms=stages_of(item.call, now))


def _unreadable(outcome: Outcome) -> Failure:
    return Failure(outcome.reason, "the batch's answer is billed but unreadable", ProviderUnreadable.remedy)
