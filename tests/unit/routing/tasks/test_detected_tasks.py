"""Detected task types in the routing step: used where a request names none, and told on the decision."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from agents.routing.configured import configured_tasks
from agents.routing.replay import Logged, Replayer
from agents.routing.router import Route
from agents.routing.stage import RoutingStep
from agents.routing.tasks.cue_detector import CueDetector
from agents.routing.tasks.detection import Detection
from agents.routing.tasks.requests import DetectedTasks, instruction_of
from schemas.result import Decision, Result
from schemas.settings import RoutingSettings, TaskDetection
from schemas.wire import Choice
from tests.flow.journeys import NOW, TENANT, a_journey, a_request
from tests.flow.models import decision_of, three_models

SETTINGS = RoutingSettings(min_quality=0.5)
PROMPTS = {"maths": Detection("mathematics", 0.87), "unclear": Detection("mathematics", 0.69)}


class Told:
    """Tells of each prompt what it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def detect(self, prompts: Sequence[str]) -> list[Detection]:
        self.asked.append(list(prompts))
        return [PROMPTS[prompt] for prompt in prompts]


def test_a_detected_type_decides_where_the_request_names_none_and_the_decision_says_so() -> None:
    told = Told()
    step = RoutingStep(three_models(), SETTINGS, tasks=DetectedTasks(told, 0.7))
    journeys = [
        a_journey(prompt="maths"),
        a_journey(prompt="unclear"),
        a_journey(prompt="maths", task_type="coding"),
        a_journey(prompt="maths", mode="explicit", model="small"),
    ]
    flow = step.process(journeys, NOW)
    choices = [decision_of(each) for each in flow.onward]
    assert [each.targets[0].model for each in flow.onward] == ["middle", "small", "small", "small"]
    assert [(choice.task_type, choice.task_confidence) for choice in choices] == [
        ("mathematics", 0.8),
        (None, None),
        (None, None),
        (None, None),
    ]
    assert choices[0].lost["small"] == "quality too low"
    assert told.asked == [["maths", "unclear"]]


def test_requests_of_a_kind_share_a_decision() -> None:
    step = RoutingStep(three_models(), SETTINGS, tasks=DetectedTasks(Told(), 0.6))
    first, second = step.process([a_journey(prompt="maths"), a_journey(prompt="maths")], NOW).onward
    assert first.choice is second.choice
    (other,) = step.process([a_journey(prompt="unclear")], NOW).onward
    assert msgspec.json.decode(other.choice or b"", type=Choice).task_confidence == 0.6


def test_a_batch_that_names_its_types_asks_nobody() -> None:
    told = Told()
    tasks = DetectedTasks(told, 0.7)
    assert tasks.of([a_request(task_type="coding")]) == [None]
    assert told.asked == []


def test_the_first_and_the_last_message_say_what_to_do() -> None:
    messages = [
        {"role": "system", "content": "Translate."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Un"},
        {"role": "user", "content": [{"type": "text", "text": "Two"}]},
    ]
    assert instruction_of(a_request(messages=messages)) == "Translate.\nTwo"
    assert instruction_of(a_request(messages=messages[:2])) == "Translate.\nOne"
    assert instruction_of(a_request(messages=messages[1:2])) == "One"


@pytest.mark.parametrize(("detection", "models"), [(TaskDetection.WORDS, "middle"), (TaskDetection.NEVER, "small")])
def test_what_was_detected_then_is_used_when_routing_again(detection: TaskDetection, models: str) -> None:
    request = a_request(prompt="maths")
    decision = Decision(rule="rule", reason="because", task_type="mathematics", task_confidence=0.8)
    result = Result.model_validate(
        {
            "id": request.id,
            "tenant": "acme",
            "status": "completed",
            "decision": decision.model_dump(),
            "received_at": NOW,
            "completed_at": NOW,
        }
    )
    replayer = Replayer(three_models(), SETTINGS.model_copy(update={"detect_tasks": detection}))
    (route,) = replayer.decide([Logged(request, result, TENANT)])
    assert isinstance(route, Route)
    assert route.targets[0].model == models
    assert route.choice.task_type == ("mathematics" if detection is TaskDetection.WORDS else None)


def test_detection_is_configured() -> None:
    assert configured_tasks(RoutingSettings(detect_tasks=TaskDetection.NEVER)) is None
    words = configured_tasks(RoutingSettings())
    assert words is not None
    assert isinstance(words._detector, CueDetector)
    (found,) = words.of([a_request(prompt="Translate this sentence into French: the cat sleeps.")])
    assert found is not None
    assert found.task_type == "translation"
    embedding = configured_tasks(RoutingSettings(detect_tasks=TaskDetection.EMBEDDING))
    assert embedding is not None
