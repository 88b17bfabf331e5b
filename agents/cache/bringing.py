"""Answers brought back into the cache: from the archive after the log was lost, or from elsewhere."""

from __future__ import annotations

from typing import NamedTuple

from agents.cache.exact import worth_keeping
from agents.cache.fingerprint import asked_of, fingerprint_of
from schemas.batch import Completion, PaidCall, Passenger, Target
from schemas.effective_policy import EffectivePolicy
from schemas.policy import CacheMode, EncryptionMode, PersonalDataMode
from schemas.request import CacheDirective, Request
from schemas.result import Lane
from schemas.tenant import TenantRegistered
from schemas.wire import Answer, Tokens

NO_CHOICE = b"{}"
UNCHANGED = frozenset({PersonalDataMode.OFF, PersonalDataMode.FLAG})
"""Under other modes the model saw another prompt than the one that was sent, and gave another answer."""


class Given(NamedTuple):
    """An answer, and what it was given to.

    Attributes:
        completed_at: Unix seconds at which it was given.
    """

    request: Request
    answer: Answer
    tokens: Tokens
    answered_by: Target
    completed_at: float


def objection(policy: EffectivePolicy) -> str | None:
    """Return why answers to requests under a policy are not brought back; None where they are."""
    if policy.cache_mode is not CacheMode.USE:
        return "the policy does not let its requests fill the cache"
    if policy.encryption is not None and policy.encryption.value is not EncryptionMode.OFF:
        return "it is encrypted, and answers in plain text are not"
    if policy.personal_data_mode not in UNCHANGED:
        return "personal data in its prompts is replaced before a model sees them"
    return None


def brought_back(
    given: Given, tenant: TenantRegistered, policy: EffectivePolicy, partition: int, longest_question: int
) -> Completion | None:
    """Return an answer as the completion that the cache keeps, or None where it would not have kept it.

    Args:
        given: The answer.
        tenant: Whose request it was.
        policy: What holds for such a request now.
        partition: Of the tenant.
        longest_question: Most characters of a question that is compared with others.
    """
    request = given.request
    if objection(policy) is not None or request.cache.directive is CacheDirective.BYPASS or request.steps:
        return None
    if not worth_keeping(given.answer):
        return None
    asked = asked_of(request, policy.sharing, longest=longest_question) if policy.semantic_delta else None
    passenger = Passenger(
        id=request.id,
        tenant=request.tenant,
        partition=partition,
        digest="",
        lane=Lane.BULK,
        choice=NO_CHOICE,
        reference_model=tenant.reference_model,
        received_at=given.completed_at,
        fingerprint=fingerprint_of(request, policy.sharing),
        cache_ttl_seconds=tenant.answer_ttl(request.cache),
        asked=asked,
    )
    target = given.answered_by
    call = PaidCall("", target.model, target.provider, 1, given.tokens, 0.0, given.completed_at)
    return Completion(
        passenger,
        given.completed_at,
        answer=given.answer,
        answered_by=target,
        paid=(call,),
        brought_back=True,
    )
