from __future__ import annotations

from typing import Any

import pytest

from agents.routing.constraints import Needs, RoutingConstraints, Rule, capabilities_of, constraints_of
from agents.routing.units import COST_UNITS
from schemas.request import Strategy
from schemas.result import Lane
from schemas.settings import RoutingSettings
from schemas.tenant import TenantLimits, TenantRegistered
from tests.flow.journeys import TENANT, a_request

DEFAULTS = RoutingSettings(expected_output_tokens=300, min_quality=0.4)


def constraints(tenant: TenantRegistered = TENANT, **fields: Any) -> RoutingConstraints:
    return constraints_of(a_request(**fields), tenant, Lane.BULK, DEFAULTS)


def test_what_the_request_leaves_open_comes_from_the_settings() -> None:
    assert constraints() == RoutingConstraints(
        rule=Rule.THRESHOLD,
        model=None,
        least_quality=400_000,
        most_cost=None,
        input_field="prompt",
        needs=Needs(
            task_type=None,
            latency_budget_ms=None,
            output_tokens=300,
            max_output_tokens=None,
            capabilities=frozenset(),
            allowed_models=None,
            lane=Lane.BULK,
        ),
    )


def test_what_the_request_and_its_tenant_say_counts() -> None:
    limits = TenantLimits(allowed_models=("big",))
    found = constraints(
        TENANT.model_copy(update={"limits": limits}),
        messages=[{"role": "user", "content": "hello"}],
        mode="guided",
        weights={"quality": 3, "cost": 2, "latency": 1},
        task_type="coding",
        sampling={"max_output_tokens": 50},
        constraints={"min_quality": 0, "latency_budget_ms": 900, "max_cost_usd": "0.5"},
    )
    assert (found.least_quality, found.needs.latency_budget_ms, found.most_cost) == (0, 900.0, COST_UNITS // 2)
    assert found.rule is Rule.WEIGHTS
    assert (found.needs.output_tokens, found.needs.max_output_tokens) == (50, 50)
    assert (found.needs.allowed_models, found.weights) == (("big",), (3.0, 2.0, 1.0))
    assert (found.input_field, found.needs.task_type) == ("messages", "coding")


def test_guided_without_weights_weighs_quality_and_cost_alike() -> None:
    assert constraints(mode="guided").weights == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("fields", "strategy", "rule", "lambda_"),
    [
        ({}, "threshold", Rule.THRESHOLD, 0),
        ({}, "utility", Rule.UTILITY, 5_000_000),
        ({"strategy": "threshold"}, "utility", Rule.THRESHOLD, 0),
        ({"strategy": "utility"}, "threshold", Rule.UTILITY, 5_000_000),
        ({"lambda": 2.5}, "threshold", Rule.UTILITY, 2_500_000),
        ({"mode": "guided"}, "utility", Rule.WEIGHTS, 0),
        ({"mode": "guided", "lambda": 0}, "threshold", Rule.UTILITY, 0),
        ({"mode": "guided", "strategy": "utility"}, "threshold", Rule.UTILITY, 5_000_000),
        ({"mode": "explicit", "model": "big"}, "utility", Rule.EXPLICIT, 0),
        ({}, "cascade", Rule.CASCADE, 0),
        ({"strategy": "cascade"}, "threshold", Rule.CASCADE, 0),
        ({"mode": "guided", "accept": 0.5}, "utility", Rule.CASCADE, 0),
        ({"lambda": 2.5}, "cascade", Rule.UTILITY, 2_500_000),
    ],
)
def test_which_rule_decides(fields: dict[str, Any], strategy: str, rule: Rule, lambda_: int) -> None:
    settings = RoutingSettings(strategy=Strategy(strategy), utility_lambda=5.0)
    found = constraints_of(a_request(**fields), TENANT, Lane.BULK, settings, frozenset({"east"}))
    assert (found.rule, found.lambda_, found.needs.down) == (rule, lambda_, frozenset({"east"}))


def test_what_a_cheap_answer_must_reach() -> None:
    assert constraints(strategy="cascade").accept == 700_000
    assert constraints(accept=0.25).accept == 250_000
    assert constraints().accept == 0


TEXT = {"role": "user", "content": [{"type": "text", "text": "what is this?"}]}
IMAGE = {"role": "user", "content": [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": "x"}}]}


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({}, set()),
        ({"tools": []}, set()),
        ({"tools": [{"type": "function"}]}, {"tools"}),
        ({"response_format": {"type": "text"}}, set()),
        ({"response_format": {"type": "json_object"}}, {"json"}),
        ({"response_format": {"type": "json_schema"}}, {"json"}),
        ({"messages": [TEXT]}, set()),
        ({"messages": [TEXT, IMAGE]}, {"vision"}),
        ({"messages": [IMAGE], "tools": [{"type": "function"}]}, {"vision", "tools"}),
    ],
)
def test_what_a_request_needs(fields: dict[str, Any], needed: set[str]) -> None:
    assert capabilities_of(a_request(**fields)) == needed
