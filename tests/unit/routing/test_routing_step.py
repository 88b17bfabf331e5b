from __future__ import annotations

import msgspec

from agents.routing.stage import RoutingStep
from schemas.batch import Target
from schemas.result import Status
from schemas.settings import RoutingSettings
from schemas.wire import Choice
from tests.flow.journeys import NOW, a_journey
from tests.flow.models import three_models


def test_a_journey_gets_its_targets_and_the_decision() -> None:
    journey = a_journey()
    flow = RoutingStep(three_models(), RoutingSettings()).process([journey], NOW)
    assert flow.onward == [journey]
    assert journey.targets == (Target("small", "east"), Target("middle", "east"), Target("big", "east"))
    assert journey.choice is not None
    assert msgspec.json.decode(journey.choice, type=Choice).rule == "cheapest_meeting_constraints"


def test_a_journey_nobody_can_serve_is_rejected() -> None:
    journey = a_journey(constraints={"min_quality": 1})
    flow = RoutingStep(three_models(), RoutingSettings()).process([journey], NOW + 1)
    assert flow.onward == []
    ((ended, result),) = flow.ended
    assert (ended, result.status) == (journey, Status.REJECTED)
    assert result.error is not None
    assert result.error.code == "no_model_meets_constraints"


def test_the_expected_cost_is_exact_for_each_length() -> None:
    step = RoutingStep(three_models(), RoutingSettings(expected_output_tokens=100))
    journeys = [a_journey(input_tokens=tokens) for tokens in (1000, 1001, 1000)]
    step.process(journeys, NOW)
    choices = [msgspec.json.decode(journey.choice or b"", type=Choice) for journey in journeys]
    costs = [choice.expected_cost_usd for choice in choices]
    assert costs == ["0.00014", "0.0001401", "0.00014"]
    assert journeys[0].choice is journeys[2].choice
