"""The rule of quality - lambda * cost, and what else may change the cost or the quality of a model."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from agents.routing.constraints import constraints_of
from agents.routing.expectations import Expectations
from agents.routing.prospect import Prospect
from agents.routing.router import Route, Router
from schemas.batch import Target
from schemas.registry import ModelRegistry
from schemas.result import Lane
from schemas.wire import ExpectedRecord
from tests.flow.journeys import TENANT, a_request
from tests.flow.models import a_model, a_registry, candidates_of, three_models
from tests.unit.routing.registries import SETTINGS


def route(
    registry: ModelRegistry | None = None,
    prospect: Prospect | None = None,
    *,
    learned: Expectations | None = None,
    down: frozenset[str] = frozenset(),
    lane: Lane = Lane.INTERACTIVE,
    lambda_: float | None = None,
    **fields: Any,
) -> Route:
    if lambda_ is not None:
        fields["lambda"] = lambda_
    constraints = constraints_of(a_request(**fields), TENANT, lane, SETTINGS, down)
    router = Router(registry or three_models(), 3, learned or Expectations())
    found = router.route(constraints, prospect or Prospect(1000))
    assert isinstance(found, Route), found
    return found


@pytest.mark.parametrize(("lambda_", "model"), [(0, "big"), (5, "big"), (20, "middle"), (100, "small")])
def test_lambda_says_how_much_quality_a_dollar_must_buy(lambda_: float, model: str) -> None:
    assert route(lambda_=lambda_).targets[0].model == model


def test_a_utility_decision_says_its_figures() -> None:
    choice = route(lambda_=20).choice
    assert choice.rule == "best_by_utility"
    assert choice.reason == (
        "middle is best by quality - 20 per USD (0.794000) of 3 models that meet the constraints."
    )
    assert choice.utility_lambda == 20
    assert choice.lost == {"big": "less useful", "small": "less useful"}


def test_equal_utilities_go_to_the_cheaper_then_as_equal_costs_do() -> None:
    registry = a_registry(
        a_model("dear", quality={"default": 0.9}, price={"input": 2, "output": 2}),
        a_model("cheap", quality={"default": 0.7901}, price={"input": "0.001", "output": "0.001"}),
        a_model("twin", quality={"default": 0.7901}, price={"input": "0.001", "output": "0.001"}),
    )
    found = route(registry, lambda_=50)
    assert found.targets[0].model == "cheap"
    assert found.choice.lost["dear"] == "less useful"
    assert found.choice.lost["twin"] == "the same in all, later by name"
    even = a_registry(
        a_model("dear", quality={"default": 0.9}, price={"input": 1000, "output": 0}),
        a_model("cheap", quality={"default": 0.8}, price={"input": 900, "output": 0}),
    )
    assert route(even, lambda_=1).choice.lost == {"dear": "as useful, costs 1 USD, not 0.9"}


def test_the_minimum_quality_holds_for_utility_too() -> None:
    found = route(constraints={"min_quality": 0.9}, lambda_=1000)
    assert found.targets == (Target("big", "east"),)


def test_predictions_take_the_place_of_the_registrys_figures_where_they_are_known() -> None:
    predicted = Prospect(1000, (500_000, -1, 970_000))
    found = route(prospect=predicted, constraints={"min_quality": 0.9})
    assert found.targets[0].model == "small"
    assert found.choice.predicted_quality == 0.97
    assert {name: each.quality for name, each in candidates_of(found.choice).items()} == {
        "big": 0.5,
        "middle": 0.85,
        "small": 0.97,
    }
    assert found.choice.lost["big"] == "quality too low"


def test_a_warm_cache_makes_staying_cheaper() -> None:
    registry = a_registry(
        a_model("warm", price={"input": 10, "cached_input": 1, "output": 10}),
        a_model("cold", price={"input": 5, "cached_input": "0.5", "output": 10}),
        a_model("without", price={"input": 5, "output": 11}),
    )
    assert route(registry, Prospect(5000)).targets[0].model == "cold"
    found = route(registry, Prospect(5000, None, (("warm", 4000), ("without", 4000))))
    assert found.targets[0].model == "warm"
    assert candidates_of(found.choice)["warm"] == ExpectedRecord(0.8, "0.015", 4000)
    assert candidates_of(found.choice)["without"].cached_input_tokens == 0


def test_experience_of_answers_and_calls_counts() -> None:
    registry = a_registry(
        a_model("wordy", price={"input": 1, "output": 10}),
        a_model("terse", price={"input": 1, "output": 12}),
    )
    assert route(registry).targets[0].model == "wordy"
    learned = Expectations({("wordy", None): 200, ("terse", None): 50}, {"terse": 1_500})
    found = route(registry, learned=learned)
    assert found.targets[0].model == "terse"
    assert candidates_of(found.choice)["wordy"] == ExpectedRecord(0.8, "0.003", 0, 200)
    assert candidates_of(found.choice)["terse"] == ExpectedRecord(0.8, "0.0024", 0, 50, 1.5)
    short = route(registry, learned=learned, sampling={"max_output_tokens": 40})
    assert candidates_of(short.choice)["wordy"].output_tokens == 40


def test_a_lane_may_cost_less() -> None:
    registry = a_registry(
        a_model("batched", price={"input": 3, "output": 3, "batch": "0.5"}),
        a_model("b", price={"input": 2, "output": 2}),
    )
    assert route(registry).targets[0].model == "b"
    found = route(registry, lane=Lane.BATCH)
    assert found.targets[0].model == "batched"
    assert found.choice.expected_cost_usd is not None
    assert Decimal(found.choice.expected_cost_usd) == Decimal("0.00165")


def test_models_whose_providers_are_out_of_order_lose() -> None:
    registry = a_registry(
        a_model("alone", price={"input": 1, "output": 1}),
        a_model("both", providers=["east", "west"], price={"input": 2, "output": 2}),
        a_model("third", providers=["north", "east"], price={"input": 3, "output": 3}),
    )
    found = route(registry, down=frozenset({"east"}))
    assert found.targets == (Target("both", "west"), Target("both", "east"), Target("third", "north"))
    assert found.choice.lost["alone"] == "out of order: east"
    assert "alone" not in candidates_of(found.choice)


def test_when_everything_is_out_of_order_the_choice_is_as_if_nothing_were() -> None:
    found = route(down=frozenset({"east"}))
    assert found.targets[0].model == "small"
    assert found.choice.reason.endswith("Every provider of a model that fits is out of order at present.")


def test_a_named_model_is_asked_even_when_its_provider_is_out_of_order() -> None:
    registry = a_registry(a_model("one", providers=["east", "west"]))
    found = route(registry, mode="explicit", model="one", down=frozenset({"east"}))
    assert found.targets == (Target("one", "west"), Target("one", "east"))
