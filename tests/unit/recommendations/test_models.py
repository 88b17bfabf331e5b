"""Cheaper models and dear cascades: where the router sends the same requests, and what that costs, exactly."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.recommendations.kinds.cheaper_model import CHEAPER_MODEL
from agents.recommendations.kinds.dear_cascade import DEAR_CASCADE
from agents.recommendations.pricing import cost_at
from agents.recommendations.terms import Graded
from schemas.effective_policy import EffectivePolicy, Permitted, Restriction
from schemas.prices import cost_of
from schemas.registry import ModelRegistry
from schemas.request import Mode
from schemas.result import Check, TokenUsage
from schemas.settings import RoutingSettings, TaskDetection
from schemas.tenant import TenantLimits, TenantRegistered
from tests.flow.models import a_model, a_registry
from tests.unit.recommendations.made import TENANT, case, made, naming, terms
from tests.unit.routing.registries import registries

NOT_SURE = (Check(model="small", accepted=False, reason="not sure"),)
KEPT = ("big", "small")
ONLY_KEPT = EffectivePolicy(permitted=Permitted(Restriction(KEPT, (("tenant acme", KEPT),))))


def test_requests_that_name_a_model_move_to_one_as_good() -> None:
    (found,) = made(CHEAPER_MODEL, [naming("big", number, task_type="support") for number in range(5)])
    assert (found.before_usd, found.after_usd, found.saving_usd) == (
        5 * Decimal("0.016"),
        5 * Decimal("0.0016"),
        5 * Decimal("0.0144"),
    )
    assert (found.tenant, found.task_type, found.model, found.looked_at) == ("acme", "support", "big", 5)
    assert '"constraints": {"min_quality": 0.9}' in found.change
    assert "nothing but the prediction" in found.evidence["graded answers"]


@pytest.mark.parametrize(
    "fields",
    [
        {"policy": ONLY_KEPT},
        {"tenant": TENANT.model_copy(update={"limits": TenantLimits(allowed_models=KEPT)})},
        {"constraints": {"min_quality": 0.95}},
        {"sampling": {"max_output_tokens": 4_001}},
    ],
)
def test_nothing_is_recommended_that_request_tenant_or_policy_forbid(fields: dict[str, Any]) -> None:
    assert made(CHEAPER_MODEL, [naming("big", number, **fields) for number in range(5)]) == []


def test_a_faster_answer_is_not_given_up() -> None:
    slow = a_model("slow", quality={"default": 0.99}, speed={"first_token_ms": 9_000, "tokens_per_second": 10})
    registry = a_registry(a_model("big", quality={"default": 0.9}, price={"input": 10, "output": 30}), slow)
    asked = [naming("big", number, registry=registry) for number in range(3)]
    assert len(made(CHEAPER_MODEL, asked, terms(registry))) == 1
    hasty = {"constraints": {"latency_budget_ms": 2_000}}
    asked = [naming("big", number, registry=registry, **hasty) for number in range(3)]
    assert made(CHEAPER_MODEL, asked, terms(registry)) == []


def test_grades_that_say_otherwise_withhold_it() -> None:
    asked = [naming("big", number) for number in range(3)]
    better, worse = Graded(50, 0.9, 0.02), Graded(50, 0.7, 0.02)
    assert made(CHEAPER_MODEL, asked, terms(graded={("acme", "", "big"): better, ("acme", "", "rival"): worse})) == []
    (found,) = made(CHEAPER_MODEL, asked, terms(graded={("acme", "", "big"): worse, ("acme", "", "rival"): better}))
    assert found.evidence["graded answers of rival"] == "50, mean 0.900 ± 0.020"
    few = {("acme", "", "big"): better, ("acme", "", "rival"): Graded(5, 0.1, 0.02)}
    assert made(CHEAPER_MODEL, asked, terms(graded=few)), "five grades are chance"


def test_the_kinds_of_tasks_that_a_policy_serves_hold_after_the_change() -> None:
    types = ("coding",)
    only = EffectivePolicy(allowed_task_types=Restriction(types, (("tenant acme", types),)))
    asked = {"prompt": "Translate to Welsh: good night.", "policy": only}
    assert made(CHEAPER_MODEL, [naming("big", number, **asked) for number in range(3)]) == []
    (found,) = made(CHEAPER_MODEL, [naming("big", number, task_type="coding", policy=only) for number in range(3)])
    assert found.requests == 3


def test_who_gets_the_same_model_saves_nothing_by_calls_that_failed() -> None:
    again = [naming("rival", number, more=Decimal(1)) for number in range(3)]
    assert made(CHEAPER_MODEL, [*again, naming("big", 9)])[0].requests == 1


def test_too_few_requests_are_chance() -> None:
    assert made(CHEAPER_MODEL, [naming("big", number) for number in range(4)], terms(least=5)) == []


def test_what_is_asked_for_follows_the_task() -> None:
    qualities = {"default": 0.9, "coding": 0.8, "mathematics": 0.7}
    registry = a_registry(
        a_model("big", quality=qualities, price={"input": 10, "output": 30}), a_model("rival", quality={"default": 1})
    )
    prompts = ["Write a Python function that sorts a list.", "Translate to Welsh: good night."]
    asked = [naming("big", number, prompt=prompt, registry=registry) for number, prompt in enumerate(prompts)]
    (found,) = made(CHEAPER_MODEL, asked, terms(registry))
    assert "0.8 for coding" in found.change
    never = RoutingSettings(detect_tasks=TaskDetection.NEVER)
    (found,) = made(CHEAPER_MODEL, asked, terms(registry, routing=never))
    assert '{"min_quality": 0.9}' in found.change


names = st.sampled_from(["a", "b", "c", "d", "e"])
constraints = st.fixed_dictionaries(
    {},
    optional={
        "min_quality": st.sampled_from([0.2, 0.5, 0.9]),
        "latency_budget_ms": st.integers(200, 5_000),
        "max_cost_usd": st.sampled_from(["0.0001", "0.01", "1"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    registry=registries(),
    asked=st.lists(
        st.tuples(names, constraints, st.integers(1, 4_000), st.integers(0, 900)), min_size=1, max_size=12
    ),
    allowed=st.none() | st.sets(names, min_size=1),
)
def test_a_saving_is_what_the_moved_requests_cost_less_and_each_is_as_good_and_allowed(
    registry: ModelRegistry, asked: list[tuple[str, dict[str, Any], int, int]], allowed: set[str] | None
) -> None:
    limits = TenantLimits(allowed_models=None if allowed is None else tuple(sorted(allowed)))
    tenant = TenantRegistered(tenant="acme", reference_model="a", limits=limits)
    on = terms(registry)
    cases = [
        naming(
            name,
            number,
            registry=registry,
            tenant=tenant,
            tokens=TokenUsage(input_tokens=read, output_tokens=written),
            constraints=given_,
        )
        for number, (name, given_, read, written) in enumerate(asked)
        if registry.get(name) is not None
    ]
    wanted = on.rerouting.as_good(cases)
    routed = on.rerouting.routed(cases, wanted)
    expected: dict[str, Decimal] = {}
    for one, request, to in zip(cases, wanted, routed, strict=True):
        assert (request.mode, request.model) == (Mode.AUTOPILOT, None)
        if to is None:
            continue
        spec = registry.get(to.model)
        assert spec is not None
        asked_for = one.request.constraints
        assert to.quality >= to.quality_before - 1e-9
        assert to.quality >= (asked_for.min_quality or 0.0) - 1e-9
        assert allowed is None or to.model in allowed
        assert asked_for.latency_budget_ms is None or spec.latency_ms(100) <= asked_for.latency_budget_ms
        if to.model != one.result.model:
            named = one.result.model or ""
            less = one.result.cost_usd - cost_of(one.result.usage, spec.price)
            expected[named] = expected.get(named, Decimal(0)) + less
    found = {each.model: each.saving_usd for each in made(CHEAPER_MODEL, cases, on)}
    assert found == {name: saving for name, saving in expected.items() if saving > 0}


def cascades(count: int, escalated: int) -> list[Any]:
    return [
        case(
            number,
            rule="cascade",
            strategy="cascade",
            constraints={"min_quality": 0.9},
            model="rival" if number < escalated else "small",
            more=Decimal("0.0002") if number < escalated else Decimal(0),
            checks=NOT_SURE if number < escalated else (),
            quality=0.91,
        )
        for number in range(count)
    ]


def test_cascades_that_cost_more_than_their_last_model() -> None:
    (found,) = made(DEAR_CASCADE, cascades(10, 10))
    assert (found.before_usd, found.after_usd) == (10 * Decimal("0.0018"), 10 * Decimal("0.0016"))
    assert (found.quality_before, found.quality_after) == (0.91, 0.92)
    assert "10 of 10 cascades" in found.summary


def test_cascades_that_pay_are_left_alone() -> None:
    assert made(DEAR_CASCADE, cascades(10, 5)) == []


def test_cascades_better_than_their_last_model_are_left_alone() -> None:
    better = [one._replace(result=_promising(one, 0.95)) for one in cascades(10, 10)]
    assert made(DEAR_CASCADE, better) == []


def _promising(one: Any, quality: float) -> Any:
    decision = one.result.decision.model_copy(update={"predicted_quality": quality})
    return one.result.model_copy(update={"decision": decision})


def test_another_provider_has_nothing_cached() -> None:
    tokens = TokenUsage(input_tokens=1000, cached_input_tokens=900, cache_write_tokens=50, output_tokens=100)
    one = naming("big", tokens=tokens)
    assert cost_at(one.result, "big", terms().registry) == Decimal("0.013")
    assert cost_at(one.result, "rival", terms().registry, batch=True) == Decimal("0.00065")
