from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from agents.routing.constraints import RoutingConstraints, capabilities_of, constraints_of
from schemas.request import Mode
from schemas.result import Lane
from schemas.settings import RoutingSettings
from schemas.tenant import TenantLimits, TenantRegistered
from tests.flow.journeys import TENANT, a_request

DEFAULTS = RoutingSettings(expected_output_tokens=300, min_quality=0.4)


def constraints(tenant: TenantRegistered = TENANT, **fields: Any) -> RoutingConstraints:
    return constraints_of(a_request(**fields), tenant, Lane.BULK, DEFAULTS)


def test_what_the_request_leaves_open_comes_from_the_settings() -> None:
    assert constraints() == RoutingConstraints(
        mode=Mode.AUTOPILOT,
        model=None,
        task_type=None,
        min_quality=0.4,
        latency_budget_ms=None,
        max_cost_usd=None,
        input_field="prompt",
        output_tokens=300,
        max_output_tokens=None,
        capabilities=frozenset(),
        allowed_models=None,
        lane=Lane.BULK,
        weights=None,
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
    assert (found.min_quality, found.latency_budget_ms, found.max_cost_usd) == (0.0, 900.0, Decimal("0.5"))
    assert (found.output_tokens, found.max_output_tokens) == (50, 50)
    assert (found.allowed_models, found.weights) == (("big",), (3.0, 2.0, 1.0))
    assert (found.input_field, found.task_type) == ("messages", "coding")


def test_guided_without_weights_weighs_quality_and_cost_alike() -> None:
    assert constraints(mode="guided").weights == (1.0, 1.0, 0.0)


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
