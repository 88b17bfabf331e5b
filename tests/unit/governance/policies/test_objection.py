"""What a policy has against a single request."""

from __future__ import annotations

from typing import Any

import pytest

from agents.governance.policies import effective_policy, policy_problem
from schemas.policy import CacheMode, Policy
from tests.flow.journeys import a_request
from tests.unit.governance.scopes import chain

CHAT = [{"role": "user", "content": "x"}]
TOKENS = 10


def problem(policy: Policy, **fields: Any) -> tuple[str, str | None, str] | None:
    found = policy_problem(a_request(**fields), TOKENS, effective_policy(chain({}, {"policy": policy})))
    if found is None:
        return None
    assert "team search" in found.message
    assert found.field is not None
    assert found.message.startswith(found.field)
    return found.code, found.field, found.remedy


SHORT = Policy(max_output_tokens=100)
NAMED = {"mode": "explicit", "model": "big"}
ONLY = {"cache": {"directive": "only"}}


@pytest.mark.parametrize(
    ("policy", "fields", "code", "field", "remedy"),
    [
        (Policy(max_input_tokens=9), {}, "input_too_long", "prompt", "shorten prompt"),
        (Policy(max_input_tokens=9), {"messages": CHAT}, "input_too_long", "messages", "shorten messages"),
        (
            SHORT,
            {"sampling": {"max_output_tokens": 101}},
            "output_too_long",
            "sampling.max_output_tokens",
            "set sampling.max_output_tokens to 100 or less, or leave it out",
        ),
        (Policy(allowed_models=("x", "y")), NAMED, "model_not_allowed", "model", "name one of x, y"),
        (Policy(allowed_models=()), NAMED, "model_not_allowed", "model", "ask an operator to allow a model"),
        (
            Policy(allowed_task_types=("support",)),
            {"task_type": "coding"},
            "task_type_not_allowed",
            "task_type",
            "name one of support",
        ),
        (
            Policy(cache=CacheMode.OFF),
            ONLY,
            "cache_not_allowed",
            "cache.directive",
            "send it with cache.directive default to have a model answer it",
        ),
    ],
)
def test_what_is_not_allowed_is_named_with_whose_rule_it_is(
    policy: Policy, fields: dict[str, Any], code: str, field: str, remedy: str
) -> None:
    assert problem(policy, **fields) == (code, field, remedy)


@pytest.mark.parametrize(
    ("policy", "fields"),
    [
        (Policy(), NAMED | {"task_type": "coding"}),
        (Policy(max_input_tokens=10), {}),
        (SHORT, {}),
        (SHORT, {"sampling": {"max_output_tokens": 100}}),
        (Policy(allowed_models=("big",)), NAMED),
        (Policy(allowed_models=("x",), allowed_task_types=("y",)), {}),
        (Policy(allowed_task_types=("coding",)), {"task_type": "coding"}),
        (Policy(cache=CacheMode.OFF), {}),
        (Policy(cache=CacheMode.READ_ONLY), ONLY),
    ],
)
def test_what_is_allowed_or_left_to_routing_passes(policy: Policy, fields: dict[str, Any]) -> None:
    assert problem(policy, **fields) is None
