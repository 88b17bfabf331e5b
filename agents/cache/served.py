"""The results of requests that an answer already paid for serves."""

from __future__ import annotations

import msgspec

from agents.cache.exact import Entry
from agents.cache.semantic.found import Found
from schemas.batch import Failure
from schemas.cache_hit import SEMANTIC
from schemas.prices import list_cost_of
from schemas.registry import ModelRegistry
from schemas.result import Status
from schemas.wire import (
    BaselineRecord,
    Choice,
    HitRecord,
    ProblemRecord,
    ResultRecord,
    SavingsRecord,
    plain,
    sealed_under,
)
from streams.placeholders import restored
from streams.stage import Journey, ended_with, moment, ms_between, trace_of
from streams.steps.accounts import with_steps

NOTHING = "0"
DIGITS = 4


def from_cache(journey: Journey, entry: Entry, registry: ModelRegistry, now: float) -> ResultRecord:
    """Return the result of a request that the cache answers."""
    age = _age(entry, now)
    choice = Choice("cache_exact", f"{entry.answered_by.model} answered the same request {age:.0f} s ago.")
    return _served(journey, entry, registry, now, choice, HitRecord("exact", entry.source_request_id, age))


def from_flight(journey: Journey, entry: Entry, registry: ModelRegistry, now: float) -> ResultRecord:
    """Return the result of a request that waited for the answer to an identical one."""
    choice = Choice("cache_shared_flight", f"{entry.answered_by.model} was already answering the same request.")
    hit = HitRecord("shared_flight", entry.source_request_id, _age(entry, now))
    return _served(journey, entry, registry, now, choice, hit)


def from_question(journey: Journey, entry: Entry, found: Found, registry: ModelRegistry, now: float) -> ResultRecord:
    """Return the result of a request that the answer to another question serves, and how sure that is."""
    age = _age(entry, now)
    similarity, probability = round(found.similarity, DIGITS), round(found.probability, DIGITS)
    choice = Choice(
        "cache_semantic",
        f"{entry.answered_by.model} answered a question {age:.0f} s ago that means the same with a probability "
        f"of {probability:.3f}; where it does not, grade it 0 on asahi.feedback.",
    )
    bound = journey.policy.semantic_delta
    hit = HitRecord(SEMANTIC, entry.source_request_id, age, similarity, probability, bound)
    return _served(journey, entry, registry, now, choice, hit)


def missed(journey: Journey, now: float) -> ResultRecord:
    """Return the result of a request that only wanted a cached answer when there is none."""
    problem = ProblemRecord(
        "cache_miss",
        "cache.directive is only, and no answer to this request is cached",
        "send it with cache.directive default to have a model answer it",
        "cache.directive",
    )
    return ended_with(journey, Status.REJECTED, problem, now)


def failed_alike(journey: Journey, failure: Failure, now: float) -> ResultRecord:
    """Return the result of a request that waited for the answer to an identical one, which failed."""
    problem = ProblemRecord(failure.code, failure.message, failure.remedy)
    result = ended_with(journey, Status.FAILED, problem, now)
    if journey.data_key is not None:  # a provider's words may quote the prompt
        result = msgspec.structs.replace(result, sealed=sealed_under(journey.data_key.id))
    return result


def _baseline(journey: Journey, entry: Entry, registry: ModelRegistry) -> BaselineRecord | None:
    """Return what the answer's tokens cost at the reference model and list price.

    None, and no savings claimed, when the reference model has no price.
    """
    assert journey.tenant is not None, "governance names the tenant before the cache"
    model = journey.tenant.reference_model
    reference = registry.get(model)
    return None if reference is None else BaselineRecord(model, plain(list_cost_of(entry.tokens, reference.price)))


def _age(entry: Entry, now: float) -> float:
    return max(0.0, now - entry.filled_at)


def _served(
    journey: Journey, entry: Entry, registry: ModelRegistry, now: float, choice: Choice, hit: HitRecord
) -> ResultRecord:
    """Return the result; the rule by which it was chosen is also the cause of what it saves."""
    baseline = _baseline(journey, entry, registry)
    request = journey.request
    result = ResultRecord(
        id=request.id,
        status=Status.CACHED,
        cost_usd=NOTHING,
        received_at=moment(journey.received_at),
        completed_at=moment(now),
        tenant=request.tenant,
        user=request.user,
        output=restored(entry.answer, journey.originals),
        model=entry.answered_by.model,
        provider=entry.answered_by.provider,
        lane=journey.lane,
        task_type=request.task_type,
        usage=entry.tokens,
        baseline=baseline,
        savings=SavingsRecord() if baseline is None else SavingsRecord(**{choice.rule: baseline.cost_usd}),
        decision=msgspec.Raw(choice.encoded()),
        cache=hit,
        stages_ms=journey.stages_ms,
        latency_ms=ms_between(journey.received_at, now),
        tags=request.tags,
        trace=trace_of(request.trace),
        request_digest=journey.digest,
        personal_data=journey.personal_data,
        injection=list(journey.injection),
        sealed=None if journey.data_key is None else sealed_under(journey.data_key.id),
        team=journey.team,
    )
    return with_steps(result, journey.taken) if journey.taken else result
