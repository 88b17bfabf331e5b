"""What a policy has against a request, in words that name the field, whose rule it is, and the remedy."""

from __future__ import annotations

from schemas.effective_policy import EffectivePolicy, Restriction, Ruling
from schemas.policy import CacheMode
from schemas.request import CacheDirective, Request
from schemas.wire import ProblemRecord

NOT_ALLOWED = {"model": "model_not_allowed", "task_type": "task_type_not_allowed"}


def policy_problem(request: Request, input_tokens: int, policy: EffectivePolicy) -> ProblemRecord | None:
    """Return what the policy has against a request as it was sent, or None.

    What only routing knows is routing's to judge: the model of a request that leaves it open, its cost, and the task
    type of a request that names none.

    Args:
        request: As it was sent.
        input_tokens: Its estimated length.
        policy: What holds for it.
    """
    if (longest := policy.max_input_tokens) is not None and input_tokens > longest.value:
        return _input_too_long(request, input_tokens, longest)
    if (longest := policy.max_output_tokens) is not None:
        asked = request.sampling.max_output_tokens
        if asked is not None and asked > longest.value:
            return _output_too_long(asked, longest)
    if (models := policy.allowed_models) is not None and request.model is not None:
        by = models.excluding(request.model)
        if by is not None:
            return _not_allowed("model", request.model, models, by)
    if (types := policy.allowed_task_types) is not None and request.task_type is not None:
        by = types.excluding(request.task_type)
        if by is not None:
            return _not_allowed("task_type", request.task_type, types, by)
    if request.cache.directive is CacheDirective.ONLY and policy.cache_mode is CacheMode.OFF:
        return _no_cache(policy)
    return None


def _input_too_long(request: Request, input_tokens: int, longest: Ruling[int]) -> ProblemRecord:
    field = "prompt" if request.prompt is not None else "messages"
    return ProblemRecord(
        "input_too_long",
        f"{field}: about {input_tokens} input tokens; policy.max_input_tokens of {longest.by} is {longest.value}",
        f"shorten {field}",
        field,
    )


def _output_too_long(asked: int, longest: Ruling[int]) -> ProblemRecord:
    return ProblemRecord(
        "output_too_long",
        f"sampling.max_output_tokens: {asked}; policy.max_output_tokens of {longest.by} is {longest.value}",
        f"set sampling.max_output_tokens to {longest.value} or less, or leave it out",
        "sampling.max_output_tokens",
    )


def _not_allowed(field: str, name: str, allowed: Restriction, by: str) -> ProblemRecord:
    remedy = f"name one of {', '.join(allowed.names)}" if allowed.names else f"ask an operator to allow a {field}"
    return ProblemRecord(
        NOT_ALLOWED[field],
        f"{field}: {name} is not allowed by policy.allowed_{field}s of {by}",
        remedy,
        field,
    )


def _no_cache(policy: EffectivePolicy) -> ProblemRecord:
    assert policy.cache is not None
    return ProblemRecord(
        "cache_not_allowed",
        f"cache.directive: only the cache was to answer; policy.cache of {policy.cache.by} is {policy.cache.value}",
        "send it with cache.directive default to have a model answer it",
        "cache.directive",
    )
