from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.routing.constraints import constraints_of
from agents.routing.fit import TOO_POOR
from agents.routing.prospect import Prospect
from agents.routing.router import Route, Router
from schemas.batch import Target
from schemas.prices import cost_of
from schemas.registry import ModelRegistry
from schemas.result import Lane
from schemas.settings import RoutingSettings
from schemas.tenant import TenantLimits
from schemas.wire import NO_CANDIDATES, Choice, ExpectedRecord, ProblemRecord, Tokens
from tests.flow.journeys import TENANT, a_request
from tests.flow.models import a_model, a_registry, candidates_of, three_models

DEFAULTS = RoutingSettings(expected_output_tokens=100)


def route(
    registry: ModelRegistry | None = None,
    *,
    tokens: int = 1000,
    allowed: tuple[str, ...] | None = None,
    lane: Lane = Lane.INTERACTIVE,
    fallbacks: int = 3,
    **fields: Any,
) -> Route | ProblemRecord:
    tenant = TENANT.model_copy(update={"limits": TenantLimits(allowed_models=allowed)})
    constraints = constraints_of(a_request(**fields), tenant, lane, DEFAULTS)
    return Router(registry or three_models(), fallbacks).route(constraints, Prospect(tokens))


def chosen(*args: Any, **fields: Any) -> Choice:
    found = route(*args, **fields)
    assert isinstance(found, Route), found
    return found.choice


def targets(*args: Any, **fields: Any) -> list[str]:
    found = route(*args, **fields)
    assert isinstance(found, Route), found
    return [f"{target.model}@{target.provider}" for target in found.targets]


def refused(*args: Any, **fields: Any) -> ProblemRecord:
    found = route(*args, **fields)
    assert isinstance(found, ProblemRecord), found
    return found


# --- autopilot ----------------------------------------------------------------------------------------------------


def test_autopilot_takes_the_cheapest_and_says_why() -> None:
    choice = chosen()
    assert candidates_of(choice) == {
        "big": ExpectedRecord(0.95, "0.013"),
        "middle": ExpectedRecord(0.85, "0.0028"),
        "small": ExpectedRecord(0.6, "0.00014"),
    }
    assert msgspec.structs.replace(choice, candidates=NO_CANDIDATES) == Choice(
        rule="cheapest_meeting_constraints",
        reason="small is the cheapest of 3 models that meet the constraints.",
        expected_cost_usd="0.00014",
        predicted_quality=0.6,
        lost={
            "big": "costs more",
            "middle": "costs more",
        },
        input_tokens=1000,
        models="list-1",
    )


@pytest.mark.parametrize(
    ("constraints", "model", "lost"),
    [
        ({"min_quality": 0.85}, "middle", {"small": TOO_POOR}),
        ({"min_quality": 0.9}, "big", {"small": TOO_POOR, "middle": TOO_POOR}),
    ],
)
def test_quality_decides_who_may_compete(constraints: dict[str, Any], model: str, lost: dict[str, str]) -> None:
    choice = chosen(constraints=constraints)
    assert choice.reason.startswith(model)
    assert {name: choice.lost[name] for name in lost} == lost
    assert set(choice.lost) == {"big", "middle", "small"} - {model}


def test_quality_is_that_of_the_task() -> None:
    choice = chosen(task_type="mathematics", constraints={"min_quality": 0.5})
    assert choice.reason.startswith("middle")
    assert choice.lost["small"] == TOO_POOR


def test_the_only_one_left_is_called_that() -> None:
    assert chosen(allowed=("big",)).reason == "big is the cheapest as the only model that meets the constraints."


def test_long_inputs_and_long_answers_can_turn_the_cheapest_around() -> None:
    registry = a_registry(
        a_model("reads-cheaply", price={"input": 1, "output": 50}),
        a_model("writes-cheaply", price={"input": 5, "output": 10}),
    )
    assert chosen(registry, tokens=1001).reason.startswith("reads-cheaply")
    assert chosen(registry, tokens=999).reason.startswith("writes-cheaply")


def test_equal_costs_go_to_the_better_then_the_faster_then_by_name() -> None:
    slow = {"first_token_ms": 900, "tokens_per_second": 100}
    registry = a_registry(
        a_model("d", quality={"default": 0.7}),
        a_model("c", speed=slow),
        a_model("b"),
        a_model("a"),
    )
    choice = chosen(registry)
    assert choice.reason.startswith("a ")
    assert choice.lost == {
        "b": "the same in all, later by name",
        "c": "costs the same, takes 1900 ms, not 1100",
        "d": "costs the same, quality 0.7, not 0.8",
    }


def test_models_may_be_free() -> None:
    registry = a_registry(
        a_model("own", price={"input": 0, "output": 0}),
        a_model("b", price={"input": 0, "output": 0, "per_request": "0.01"}),
    )
    choice = chosen(registry)
    assert choice.expected_cost_usd is not None
    assert Decimal(choice.expected_cost_usd) == 0
    assert choice.lost == {"b": "costs more"}


# --- every constraint ---------------------------------------------------------------------------------------------

ONE_LIMITED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "context": ({"context_window": 1099}, {}, "context of 1099 tokens, not 1100"),
    "answer": (
        {"max_output_tokens": 99},
        {"sampling": {"max_output_tokens": 100}},
        "answers up to 99 tokens, not 100",
    ),
    "tools": ({"capabilities": ["json"]}, {"tools": [{"type": "function"}]}, "lacks tools"),
    "json": ({"capabilities": []}, {"response_format": {"type": "json_object"}}, "lacks json"),
    "lane": ({"lanes": ["bulk"]}, {}, "not in the interactive lane"),
    "latency": ({}, {"constraints": {"latency_budget_ms": 1099}}, "takes 1100 ms, not 1099"),
    "cost": ({}, {"constraints": {"max_cost_usd": "0.0010999"}}, "costs 0.0011 USD, not 0.0010999"),
}


@pytest.mark.parametrize("kind", ONE_LIMITED)
def test_a_model_loses_by_each_constraint(kind: str) -> None:
    limits, fields, loss = ONE_LIMITED[kind]
    able: dict[str, Any] = {
        "price": {"input": "0.9", "output": "0.9"},
        "speed": {"first_token_ms": 0, "tokens_per_second": 100},
    }
    registry = a_registry(a_model("limited", **limits), a_model("able", **able))
    assert chosen(registry, **fields).lost == {"limited": loss}


def test_a_constraint_that_is_just_met_is_met() -> None:
    registry = a_registry(a_model("exact", context_window=1100, max_output_tokens=100))
    fields = {
        "sampling": {"max_output_tokens": 100},
        "constraints": {"min_quality": 0.8, "latency_budget_ms": 1100, "max_cost_usd": "0.0011"},
    }
    assert chosen(registry, **fields).expected_cost_usd == "0.0011"


def test_the_tenants_models_are_the_only_ones() -> None:
    choice = chosen(allowed=("big", "middle"))
    assert choice.reason.startswith("middle")
    assert choice.lost["small"] == "not allowed for the tenant"


# --- guided -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "model"),
    [
        ({"quality": 1, "cost": 0}, "big"),
        ({"quality": 0, "cost": 1}, "small"),
        ({"quality": 1, "cost": 1}, "middle"),
        ({"quality": 0, "cost": 0, "latency": 0}, "small"),
    ],
)
def test_guided_takes_the_best_by_the_weights(weights: dict[str, float], model: str) -> None:
    choice = chosen(mode="guided", weights=weights)
    assert choice.rule == "best_by_weights"
    assert choice.reason.startswith(f"{model} scores best")
    assert set(choice.lost) == {"big", "middle", "small"} - {model}


def test_guided_says_the_scores() -> None:
    choice = chosen(mode="guided", weights={"quality": 1, "cost": 0})
    assert choice.reason == "big scores best (1.000) by the request's weights of 3 models that meet the constraints."
    assert choice.lost == {"middle": "score 0.714, not 1.000", "small": "score 0.000, not 1.000"}


def test_guided_weighs_latency() -> None:
    registry = a_registry(
        a_model("quick", speed={"first_token_ms": 10, "tokens_per_second": 500}, price={"input": 9, "output": 9}),
        a_model("slow"),
    )
    weights = {"quality": 0, "cost": 0, "latency": 1}
    assert chosen(registry, mode="guided", weights=weights).reason.startswith("quick")


def test_guided_keeps_to_the_constraints() -> None:
    choice = chosen(mode="guided", weights={"quality": 0, "cost": 1}, constraints={"min_quality": 0.9})
    assert choice.reason.startswith("big")
    assert choice.lost["small"] == TOO_POOR


@settings(max_examples=30, deadline=None)
@given(
    weights=st.tuples(*[st.integers(0, 50)] * 3),
    factor=st.sampled_from([2, 0.5, 4]),
    tokens=st.integers(1, 5000),
)
def test_only_the_proportions_of_weights_count(weights: tuple[int, ...], factor: float, tokens: int) -> None:
    def asked(scale: float) -> dict[str, float]:
        return dict(zip(("quality", "cost", "latency"), (weight * scale for weight in weights), strict=True))

    once = chosen(mode="guided", weights=asked(1), tokens=tokens)
    assert chosen(mode="guided", weights=asked(factor), tokens=tokens) == once


# --- explicit -----------------------------------------------------------------------------------------------------


def test_the_named_model_is_taken_whatever_it_costs() -> None:
    choice = chosen(mode="explicit", model="big")
    assert (choice.rule, choice.reason, choice.lost) == ("explicit_model", "The request names big.", {})
    assert choice.expected_cost_usd is not None
    assert Decimal(choice.expected_cost_usd) == Decimal("0.013")


def test_an_unknown_model_is_rejected_with_the_nearest_name() -> None:
    problem = refused(mode="explicit", model="midle")
    assert (problem.code, problem.field, problem.remedy) == ("unknown_model", "model", "did you mean middle?")


def test_an_unknown_model_like_no_other_is_rejected_with_all_names() -> None:
    problem = refused(mode="explicit", model="zzz", allowed=("big", "small"))
    assert problem.remedy == "name one of: big, small"


def test_a_model_not_allowed_is_rejected() -> None:
    problem = refused(mode="explicit", model="big", allowed=("small",))
    assert (problem.code, problem.field) == ("model_not_allowed", "model")
    assert "small" in problem.remedy


def test_a_named_model_that_does_not_fit_is_rejected_with_all_that_stands_against_it() -> None:
    constraints = {"min_quality": 0.9, "max_cost_usd": "0.00001"}
    problem = refused(mode="explicit", model="small", tokens=20_000, constraints=constraints)
    assert (problem.code, problem.field) == ("model_does_not_fit", "constraints.min_quality")
    assert problem.message == (
        "model small does not fit the request: quality 0.6, not 0.9; context of 10000 tokens, not 20100; "
        "costs 0.00204 USD, not 0.00001"
    )
    assert problem.remedy.endswith(", or name another model")


# --- nobody -------------------------------------------------------------------------------------------------------


def test_when_nobody_qualifies_the_worst_constraint_and_the_nearest_model_are_named() -> None:
    problem = refused(constraints={"min_quality": 0.99, "max_cost_usd": "0.0005"})
    assert problem == ProblemRecord(
        "no_model_meets_constraints",
        "no model meets the constraints: constraints.min_quality alone excludes 3 of 3",
        "set constraints.min_quality to 0.6 or less, and small can answer",
        "constraints.min_quality",
    )


def test_the_remedy_names_all_that_the_nearest_model_needs() -> None:
    registry = a_registry(a_model("one", capabilities=["json"]))
    problem = refused(
        registry,
        tools=[{"type": "function"}],
        messages=[{"role": "user", "content": [{"type": "input_image"}]}],
        constraints={"latency_budget_ms": 1},
    )
    assert problem.field == "tools"
    assert problem.remedy == (
        "send it without what needs tools and vision (tools and messages) and "
        "set constraints.latency_budget_ms to 1100 or more, and one can answer"
    )


def test_following_the_remedy_helps() -> None:
    assert refused(constraints={"min_quality": 0.97}).remedy.startswith("set constraints.min_quality to 0.6 or less")
    assert chosen(constraints={"min_quality": 0.6}).reason.startswith("small")


@pytest.mark.parametrize(
    ("limits", "fields", "remedy"),
    [
        ({}, {"allowed": ("other",)}, "have one allowed for the tenant"),
        ({"lanes": ["bulk"]}, {}, "choose a constraints.deadline that leads into another lane than interactive"),
        ({}, {"tokens": 10_000}, "shorten the input until it fits 10000 tokens together with its answer"),
        ({}, {"sampling": {"max_output_tokens": 9000}}, "set sampling.max_output_tokens to 4000 or less"),
        ({}, {"constraints": {"max_cost_usd": 0}}, "set constraints.max_cost_usd to 0.0011 or more"),
    ],
)
def test_every_constraint_has_a_remedy(limits: dict[str, Any], fields: dict[str, Any], remedy: str) -> None:
    assert remedy in refused(a_registry(a_model("one", **limits)), **fields).remedy


# --- targets ------------------------------------------------------------------------------------------------------


def test_fallbacks_are_the_other_providers_then_the_next_best_models() -> None:
    registry = a_registry(
        a_model("first", providers=["east", "west"], price={"input": 1, "output": 1}),
        a_model("third", price={"input": 3, "output": 3}),
        a_model("second", providers=["west", "east"], price={"input": 2, "output": 2}),
        a_model("poor", quality={"default": 0.1}),
    )
    constraints = {"min_quality": 0.5}
    assert targets(registry, constraints=constraints) == ["first@east", "first@west", "second@west", "third@east"]
    assert targets(registry, constraints=constraints, fallbacks=1) == ["first@east", "first@west"]
    assert targets(registry, constraints=constraints, fallbacks=0) == ["first@east"]


def test_a_named_model_falls_back_to_its_own_providers_only() -> None:
    registry = a_registry(a_model("first", providers=["east", "west"]), a_model("second"))
    found = route(registry, mode="explicit", model="first")
    assert isinstance(found, Route)
    assert found.targets == (Target("first", "east"), Target("first", "west"))


# --- laws ---------------------------------------------------------------------------------------------------------

rates = st.integers(0, 10_000).map(lambda cents: Decimal(cents) / 100)
priced = st.lists(st.tuples(rates, rates, st.integers(0, 100)), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None)
@given(
    models=priced,
    tokens=st.integers(0, 9_000),
    output=st.none() | st.integers(1, 900),
    least=st.integers(0, 100),
    most=st.none() | st.integers(0, 100),
)
def test_autopilot_finds_what_trying_every_model_finds(
    models: list[tuple[Decimal, Decimal, int]], tokens: int, output: int | None, least: int, most: int | None
) -> None:
    registry = a_registry(
        *(
            a_model(f"m{i}", price={"input": into, "output": out}, quality={"default": quality / 100})
            for i, (into, out, quality) in enumerate(models)
        )
    )
    constraints: dict[str, Any] = {"min_quality": least / 100}
    if most is not None:
        constraints["max_cost_usd"] = Decimal(most) / 1000
    sampling = {} if output is None else {"max_output_tokens": output}
    expected = Tokens(tokens, 0, output or 100)
    costs = {spec.name: cost_of(expected, spec.price) for spec in registry}
    fitting = [
        spec.name
        for spec in registry
        if spec.quality["default"] >= least / 100 and (most is None or costs[spec.name] <= Decimal(most) / 1000)
    ]
    found = route(registry, tokens=tokens, constraints=constraints, sampling=sampling)
    if not fitting:
        assert isinstance(found, ProblemRecord)
        return
    assert isinstance(found, Route)
    winner = found.targets[0].model
    assert winner in fitting
    assert costs[winner] == min(costs[name] for name in fitting)
    assert found.choice.expected_cost_usd is not None
    assert Decimal(found.choice.expected_cost_usd) == costs[winner]
    assert set(found.choice.lost) == set(costs) - {winner}
