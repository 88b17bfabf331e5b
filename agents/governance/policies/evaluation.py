"""The policy that the nested scopes of a request come to: every limit holds, so that a narrower scope never widens.

Of numbers the smallest counts, of allowed names the intersection, of modes the strictest.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

import msgspec

from agents.governance.registry.places import label_of
from agents.governance.registry.scopes import Scopes
from schemas.effective_policy import EffectivePolicy, Permitted, Restriction, Ruling
from schemas.policy import CacheMode, EncryptionMode, Failing, PersonalDataMode, Policy

Mode = TypeVar("Mode", bound=StrEnum)
Number = TypeVar("Number", int, float, Decimal)
Said = tuple[str, Policy]
"""A scope, and what its policy says."""


def effective_policy(scopes: Scopes) -> EffectivePolicy:
    """Return what holds for requests under these scopes, with who decided it."""
    said: list[Said] = [(label_of(fact), fact.policy) for fact in scopes.widest_first]
    models = _allowed([(by, policy.allowed_models) for by, policy in said])
    providers = _allowed([(by, policy.allowed_providers) for by, policy in said])
    task_types = _allowed([(by, policy.allowed_task_types) for by, policy in said])
    longest = _smallest([(by, policy.max_output_tokens) for by, policy in said])
    return EffectivePolicy(
        allowed_models=models,
        allowed_providers=providers,
        allowed_task_types=task_types,
        max_input_tokens=_smallest([(by, policy.max_input_tokens) for by, policy in said]),
        max_output_tokens=longest,
        max_cost_usd=_smallest([(by, policy.max_cost_usd) for by, policy in said]),
        personal_data=_strictest(list(PersonalDataMode), [(by, policy.personal_data) for by, policy in said]),
        cache=_strictest(list(CacheMode), [(by, policy.cache) for by, policy in said]),
        semantic_error_bound=_smallest([(by, policy.semantic_error_bound) for by, policy in said]),
        encryption=_strictest(list(EncryptionMode), [(by, policy.encryption) for by, policy in said]),
        retention_days=_smallest([(by, policy.retention_days) for by, policy in said]),
        failing=_failing(said),
        permitted=None if models is None and providers is None else Permitted(models, providers),
        sharing=_sharing(models, providers, task_types, longest),
    )


def _allowed(said: Sequence[tuple[str, tuple[str, ...] | None]]) -> Restriction | None:
    rules = tuple((by, names) for by, names in said if names is not None)
    if not rules:
        return None
    everywhere = set(rules[0][1]).intersection(*(names for _, names in rules[1:]))
    return Restriction(tuple(name for name in rules[0][1] if name in everywhere), rules)


def _smallest(said: Sequence[tuple[str, Number | None]]) -> Ruling[Number] | None:
    found: Ruling[Number] | None = None
    for by, value in said:
        if value is not None and (found is None or value < found.value):
            found = Ruling(value, by)
    return found


def _strictest(modes: Sequence[Mode], said: Sequence[tuple[str, Mode | None]]) -> Ruling[Mode] | None:
    """Return the strictest mode that is said; the modes are given from the mildest on."""
    found: Ruling[Mode] | None = None
    for by, mode in said:
        if mode is not None and (found is None or modes.index(mode) > modes.index(found.value)):
            found = Ruling(mode, by)
    return found


def _failing(said: Sequence[Said]) -> Ruling[Failing] | None:
    """Return whether requests fail closed or open.

    An organization that says nothing is closed: below it nobody can open what it has not opened.
    """
    organization, policy = said[0]
    closed = next((by for by, each in said if each.failing is Failing.CLOSED), None)
    if closed is not None:
        return Ruling(Failing.CLOSED, closed)
    return Ruling(Failing.OPEN, organization) if policy.failing is Failing.OPEN else None


def _sharing(
    models: Restriction | None,
    providers: Restriction | None,
    task_types: Restriction | None,
    longest: Ruling[int] | None,
) -> str:
    """Return the rules about answers in one canonical text, whoever made them."""
    names = [None if each is None else sorted(set(each.names)) for each in (models, providers, task_types)]
    rules = [*names, None if longest is None else longest.value]
    return "" if rules == [None] * len(rules) else msgspec.json.encode(rules).decode()
