"""Which models a cascade asks: examples, and what holds whatever the models."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.routing.constraints import RoutingConstraints, Rule, constraints_of
from agents.routing.expectations import Expectations
from agents.routing.fit import candidate_of, offers_of, violations
from agents.routing.prospect import Prospect
from agents.routing.router import Route, Router
from agents.routing.units import cost_units
from schemas.registry import ModelRegistry
from schemas.result import Lane
from schemas.wire import ProblemRecord
from tests.flow.journeys import TENANT, a_request
from tests.flow.models import a_model, a_registry, three_models
from tests.unit.routing.registries import SETTINGS, asked, expectations, prospects, registries

TOKENS = Prospect(1_000)


def constraints(lane: Lane = Lane.INTERACTIVE, **fields: Any) -> RoutingConstraints:
    return constraints_of(a_request(strategy="cascade", **fields), TENANT, lane, SETTINGS)


def route(
    registry: ModelRegistry, steps: int = 2, learned: Expectations | None = None, **fields: Any
) -> Route | ProblemRecord:
    return Router(registry, 3, learned or Expectations(), steps).route(constraints(**fields), TOKENS)


def steps_of(found: Route | ProblemRecord) -> list[str]:
    assert isinstance(found, Route)
    return [step.model for step in found.choice.steps]


def test_the_cheapest_is_asked_first_and_the_cheapest_that_suffices_last() -> None:
    found = route(three_models(), constraints={"min_quality": 0.8})
    assert steps_of(found) == ["small", "middle"]
    assert isinstance(found, Route)
    assert [target.model for target in found.targets] == ["small", "middle", "big"]
    choice = found.choice
    assert choice.rule == Rule.CASCADE
    assert choice.steps[0].escalation == pytest.approx(0.4)
    assert choice.reason == "small is asked first, and middle where its answer does not hold, expected of 40%."
    assert Decimal(choice.expected_cost_usd or 0) == Decimal("0.00014") + Decimal("0.4") * Decimal("0.0028")
    assert choice.predicted_quality == pytest.approx(0.6 * 0.7 + 0.4 * 0.85)
    assert choice.lost == {"big": "costs more"}
    assert found.cascade is not None
    assert (found.cascade.accept, found.cascade.expected) == (0.7, (0.6,))


def test_where_the_cheapest_suffices_the_best_is_asked_last() -> None:
    assert steps_of(route(three_models())) == ["small", "big"]


def test_a_middle_step_is_taken_where_it_lowers_the_expected_cost() -> None:
    assert steps_of(route(three_models(), steps=3)) == ["small", "middle", "big"]


def test_with_one_step_the_threshold_decides() -> None:
    found = route(three_models(), steps=1, constraints={"min_quality": 0.8})
    assert steps_of(found) == []
    assert isinstance(found, Route)
    assert found.cascade is None
    assert found.targets[0].model == "middle"
    assert found.choice.reason.endswith("No cascade is cheaper or better.")


def test_no_step_is_taken_whose_answers_never_hold() -> None:
    learned = Expectations(escalations={"small": 1_000_000})
    assert steps_of(route(three_models(), learned=learned)) == ["middle", "big"]


@pytest.mark.parametrize("limits", [{"max_cost_usd": "0.0028"}, {"latency_budget_ms": 1_200}])
def test_both_calls_together_keep_the_limits(limits: dict[str, Any]) -> None:
    found = route(three_models(), constraints={"min_quality": 0.8, **limits})
    assert steps_of(found) == []
    assert isinstance(found, Route)
    assert found.targets[0].model == "middle"


def test_the_only_model_that_fits_is_no_cascade() -> None:
    assert steps_of(route(a_registry(a_model("a")))) == []


def test_a_last_step_falls_back_to_its_other_providers_first() -> None:
    registry = a_registry(
        a_model("a", quality={"default": 0.5}),
        a_model("b", quality={"default": 0.9}, providers=["east", "west"], price={"input": 9, "output": 9}),
        a_model("c", quality={"default": 0.95}, price={"input": 20, "output": 20}),
    )
    found = route(registry, constraints={"min_quality": 0.8})
    assert isinstance(found, Route)
    assert [tuple(target.__struct_fields__) for target in found.targets[:1]] == [("model", "provider")]
    assert [(target.model, target.provider) for target in found.targets] == [
        ("a", "east"),
        ("b", "east"),
        ("b", "west"),
        ("c", "east"),
    ]


def test_nobody_reaching_the_minimum_is_a_problem() -> None:
    assert isinstance(route(three_models(), constraints={"min_quality": 0.99}), ProblemRecord)


def test_a_cascade_leaves_the_batch_lane() -> None:
    assert constraints(Lane.BATCH).needs.lane is Lane.BULK
    assert constraints(Lane.BULK).needs.lane is Lane.BULK


@settings(max_examples=60, deadline=None)
@given(
    registry=registries(),
    asked_for=asked(strategy="cascade"),
    prospect=prospects(),
    learned=expectations,
    refuted=st.dictionaries(st.sampled_from("abcde"), st.integers(0, 1_000_000)),
    most=st.integers(1, 4),
)
def test_laws(
    registry: ModelRegistry,
    asked_for: RoutingConstraints,
    prospect: Prospect,
    learned: Expectations,
    refuted: dict[str, int],
    most: int,
) -> None:
    learned = Expectations(learned.output_tokens, learned.calls, refuted)
    anybody = asked_for.whoever_is_down()
    found = Router(registry, 3, learned, most).route(anybody, prospect)
    plain = Router(registry, 3, learned).route(anybody._replace(rule=Rule.THRESHOLD), prospect)
    if isinstance(found, ProblemRecord):
        assert found == plain
        return
    assert isinstance(plain, Route)
    if not found.choice.steps:
        assert found.targets == plain.targets
        assert found.choice.expected_cost_usd == plain.choice.expected_cost_usd
        return
    candidates = [candidate_of(spec, i, anybody.needs, learned) for i, spec in enumerate(registry)]
    offers = {offer.name: offer for offer in offers_of(candidates, prospect)}
    steps = [offers[step.model] for step in found.choice.steps]
    assert 2 <= len(steps) <= most
    assert found.cascade is not None
    assert len(found.cascade.expected) == len(steps) - 1
    assert [target.model for target in found.targets[: len(steps)]] == [step.name for step in steps]
    hard = anybody._replace(least_quality=0)
    assert not any(list(violations(step, hard, prospect.input_tokens)) for step in steps)
    assert not list(violations(steps[-1], anybody, prospect.input_tokens))
    for one, next_ in pairwise(steps):
        assert one.cost < next_.cost
        assert one.quality < next_.quality
    if anybody.most_cost is not None:
        assert sum(step.cost for step in steps) <= anybody.most_cost
    cost, reached = Decimal(0), Decimal(1)
    for step, told in zip(steps, found.choice.steps, strict=True):
        cost += reached * step.cost
        if told.escalation is not None:
            assert round(told.escalation * 1_000_000) == refuted.get(step.name, 1_000_000 - step.quality)
            reached *= round(told.escalation * 1_000_000)
            reached /= 1_000_000
    assert abs(cost_units(Decimal(found.choice.expected_cost_usd or 0)) - cost) <= len(steps)
    assert cost < steps[-1].cost, "a cascade is expected to cost less than its last step alone"
    assert set(found.choice.lost) == {spec.name for spec in registry} - {step.name for step in steps}
