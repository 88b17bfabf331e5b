from __future__ import annotations

from typing import Any

import pytest

from agents.governance.limits import limits_problem
from schemas.request import Request
from schemas.tenant import TenantLimits

UNLIMITED = TenantLimits()


def request(**fields: Any) -> Request:
    return Request.model_validate(
        {"id": "a", "tenant": "t"} | ({"prompt": "p"} if "messages" not in fields else {}) | fields
    )


CHAT = [{"role": "user", "content": "x"}]
SHORT_OUTPUT = TenantLimits(max_output_tokens=100)


@pytest.mark.parametrize(
    ("field", "code", "fields", "held"),
    [
        ("prompt", "input_too_long", {}, TenantLimits(max_input_tokens=9)),
        ("messages", "input_too_long", {"messages": CHAT}, TenantLimits(max_input_tokens=9)),
        ("sampling.max_output_tokens", "output_too_long", {"sampling": {"max_output_tokens": 101}}, SHORT_OUTPUT),
        ("sampling.max_output_tokens", "output_too_long", {}, SHORT_OUTPUT),
        ("model", "model_not_allowed", {"mode": "explicit", "model": "m"}, TenantLimits(allowed_models=("x", "y"))),
        ("model", "model_not_allowed", {"mode": "explicit", "model": "m"}, TenantLimits(allowed_models=())),
    ],
)
def test_what_exceeds_a_limit_is_named(field: str, code: str, fields: dict[str, Any], held: TenantLimits) -> None:
    problem = limits_problem(request(**fields), 10, held)
    assert problem is not None
    assert (problem.field, problem.code) == (field, code)
    assert field in problem.message
    assert problem.remedy


@pytest.mark.parametrize(
    ("fields", "held"),
    [
        ({}, UNLIMITED),
        ({}, TenantLimits(max_input_tokens=10)),
        ({"sampling": {"max_output_tokens": 100}}, SHORT_OUTPUT),
        ({}, TenantLimits(allowed_models=("x",))),
        ({"mode": "explicit", "model": "x"}, TenantLimits(allowed_models=("x",))),
    ],
)
def test_what_keeps_within_the_limits_passes(fields: dict[str, Any], held: TenantLimits) -> None:
    assert limits_problem(request(**fields), 10, held) is None
