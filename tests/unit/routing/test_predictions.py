"""Predictions in the routing step: asked once per batch, used where known, and never remembered for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.routing.configured import configured_predictor
from agents.routing.expectations import Expectations
from agents.routing.prospect import UNKNOWN
from agents.routing.quality import Qualities, text_of
from agents.routing.stage import RoutingStep
from schemas.errors import ConfigurationError
from schemas.settings import RoutingSettings
from schemas.wire import Choice
from streams.stage import Journey
from tests.flow.journeys import NOW, a_journey, a_request
from tests.flow.models import a_model, a_registry, candidates_of, decision_of, three_models
from tests.unit.routing.registries import Oracle


def routed(step: RoutingStep, *journeys: Journey) -> list[tuple[str, Choice]]:
    flow = step.process(journeys, NOW)
    assert flow.onward == list(journeys)
    return [(each.targets[0].model, decision_of(each)) for each in journeys]


def test_a_batch_is_predicted_at_once_and_each_request_by_itself() -> None:
    oracle = Oracle()
    step = RoutingStep(three_models(), RoutingSettings(min_quality=0.99), oracle)
    even, odd = a_journey(prompt="even", task_type="coding"), a_journey(prompt="odd")
    named = a_journey(prompt="who?", mode="explicit", model="big", constraints={"min_quality": 0.5})
    found = routed(step, even, odd, named)
    assert [model for model, _ in found] == ["big", "small", "big"]
    assert oracle.asked == [["even", "odd"]]
    assert {name: each.quality for name, each in candidates_of(found[0][1]).items()} == {
        "big": 1.0,
        "middle": 0.85,
        "small": 0.6,
    }
    assert found[2][1].predicted_quality == 0.95


def test_alike_requests_with_other_predictions_are_decided_apart() -> None:
    step = RoutingStep(three_models(), RoutingSettings(min_quality=0.99), Oracle())
    first, second = a_journey(prompt="even", constraints={"min_quality": 0.9}), a_journey(prompt="odd one")
    second.request = a_request(prompt="odd", constraints={"min_quality": 0.9})
    assert [candidates_of(choice)["big"].quality for _, choice in routed(step, first, second)] == [1.0, 0.2]


def test_a_batch_of_named_models_asks_no_predictor() -> None:
    oracle = Oracle()
    routed(RoutingStep(three_models(), RoutingSettings(), oracle), a_journey(mode="explicit", model="big"))
    assert oracle.asked == []


def test_qualities_are_in_the_order_of_the_registry() -> None:
    registry = a_registry(a_model("small"), a_model("unheard"), a_model("big"))
    found = Qualities(Oracle(), registry).of([a_request(prompt="even"), a_request(prompt="odd", task_type="x")])
    assert found == [(990_000, UNKNOWN, 1_000_000), (UNKNOWN, UNKNOWN, 200_000)]


IMAGE = {"type": "image_url", "image_url": {"url": "x"}}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"prompt": "one"}, "one"),
        ({"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]}, "a\nb"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, IMAGE]}]}, "see"),
        ({"messages": [{"role": "assistant", "content": None}]}, ""),
    ],
)
def test_what_is_asked_is_one_text(fields: dict[str, Any], text: str) -> None:
    assert text_of(a_request(**fields)) == text


def test_a_conversation_stays_where_its_beginning_is_cached() -> None:
    registry = a_registry(
        a_model("first", price={"input": 4, "cached_input": "0.4", "output": 4}, context_window=100_000),
        a_model("cheaper", price={"input": 3, "output": 3}, context_window=100_000),
    )
    step = RoutingStep(registry, RoutingSettings())
    opening: list[dict[str, Any]] = [{"role": "user", "content": "x" * 8_000}]
    begun = a_journey(messages=opening, input_tokens=2_000, mode="explicit", model="first")
    more = [*opening, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "go on"}]
    strange = a_journey(messages=[{"role": "user", "content": "y" * 8_000}], input_tokens=2_000)
    found = routed(step, begun, a_journey(messages=more, input_tokens=2_010), strange)
    assert [model for model, _ in found] == ["first", "first", "cheaper"]
    assert candidates_of(found[1][1])["first"].cached_input_tokens > 1_900


def test_renewing_forgets_what_was_remembered() -> None:
    registry = three_models()
    step = RoutingStep(registry, RoutingSettings())
    assert routed(step, a_journey())[0][0] == "small"
    registry.adopt(a_registry(a_model("other")))
    step.renew(Expectations({("other", None): 7}))
    ((model, choice),) = routed(step, a_journey())
    assert (model, candidates_of(choice)["other"].output_tokens) == ("other", 7)


def test_providers_out_of_order_are_asked_for_with_every_batch() -> None:
    down: set[str] = set()
    registry = a_registry(
        a_model("east-only"), a_model("west-only", providers=["west"], price={"input": 9, "output": 9})
    )
    step = RoutingStep(registry, RoutingSettings(), down=lambda: frozenset(down))
    assert routed(step, a_journey())[0][0] == "east-only"
    down.add("east")
    assert routed(step, a_journey())[0][0] == "west-only"


def test_without_a_folder_nothing_is_predicted(tmp_path: Path) -> None:
    assert configured_predictor(RoutingSettings()) is None
    with pytest.raises(ConfigurationError):
        configured_predictor(RoutingSettings(model_dir=tmp_path / "absent"))


def test_a_predictor_that_knows_none_of_the_models_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    qualities = Qualities(Oracle(), a_registry(a_model("stranger")))
    assert [record.getMessage() for record in caplog.records] == [
        "the learned predictor knows no model of the models file; run asahi router fit with --name"
    ]
    assert qualities.of([a_request(prompt="even")]) == [(UNKNOWN,)]
