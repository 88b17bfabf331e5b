"""What policies leave to the router, and how a decision or a rejection tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agents.governance.policies import effective_policy
from agents.routing.dispatch import bounded, to_call
from agents.routing.replay import Logged, Replayer
from agents.routing.router import Route
from agents.routing.stage import RoutingStep
from agents.routing.tasks.detection import Detection
from agents.routing.tasks.requests import DetectedTasks
from schemas.policy import Failing, Policy
from schemas.result import Decision, Result, Status
from schemas.settings import RoutingSettings
from streams.stage import Flow, Journey
from tests.flow.journeys import NOW, TENANT, a_journey
from tests.flow.models import a_model, a_registry, decision_of, three_models
from tests.unit.governance.scopes import chain

SETTINGS = RoutingSettings(expected_output_tokens=100)


class Sure:
    """Takes every prompt for coding."""

    def detect(self, prompts: Sequence[str]) -> list[Detection]:
        return [Detection("coding", 1.0) for _ in prompts]


def governed(policy: Policy, **fields: Any) -> Journey:
    one = a_journey(**fields)
    one.policy = effective_policy(chain({}, {"policy": policy}))
    return one


def routed(one: Journey, tasks: DetectedTasks | None = None) -> Flow:
    return RoutingStep(three_models(), SETTINGS, tasks=tasks).process([one], NOW)


def lost(one: Journey) -> dict[str, str]:
    return decision_of(one).lost


def refusal(flow: Flow) -> tuple[str, str | None]:
    ((_, result),) = flow.ended
    assert result.error is not None
    assert "team search" in result.error.message + result.error.remedy
    (audit,) = flow.audits
    assert audit.reason.startswith(result.error.code)
    return result.error.code, result.error.field


def test_only_allowed_models_compete_and_the_decision_says_whose_rule_it_was() -> None:
    one = governed(Policy(allowed_models=("big",)))
    assert routed(one).onward == [one]
    assert [target.model for target in one.targets] == ["big"]
    assert lost(one)["small"] == "not allowed by team search"


def test_only_allowed_providers_are_asked_not_even_as_a_fallback() -> None:
    both = a_registry(a_model("one", providers=["east", "west"]), a_model("two", providers=["east"]))
    for policy, asked in ((Policy(), {"east", "west"}), (Policy(allowed_providers=("west",)), {"west"})):
        for fields in ({}, {"mode": "explicit", "model": "one"}):
            one = governed(policy, **fields)
            assert RoutingStep(both, SETTINGS).process([one], NOW).onward == [one]
            assert {target.provider for target in one.targets} == asked


@pytest.mark.parametrize(
    ("policy", "fields", "expected"),
    [
        (Policy(allowed_models=("none",)), {}, ("no_model_meets_constraints", "policy.allowed_models")),
        (Policy(allowed_providers=("none",)), {}, ("no_model_meets_constraints", "policy.allowed_providers")),
        (Policy(max_cost_usd=Decimal("1e-12")), {}, ("no_model_meets_constraints", "policy.max_cost_usd")),
        (
            Policy(max_cost_usd=Decimal("1e-12")),
            {"constraints": {"max_cost_usd": "5"}},
            ("no_model_meets_constraints", "policy.max_cost_usd"),
        ),
        (
            Policy(allowed_providers=("none",)),
            {"mode": "explicit", "model": "big"},
            ("provider_not_allowed", "model"),
        ),
        (Policy(allowed_task_types=("support",)), {}, ("task_type_unknown", "task_type")),
    ],
)
def test_where_a_policy_leaves_no_way_it_is_told_and_on_record(
    policy: Policy, fields: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert refusal(routed(governed(policy, **fields))) == expected


def test_what_the_request_s_own_constraints_exclude_is_not_the_policy_s() -> None:
    flow = routed(governed(Policy(max_cost_usd=Decimal(5)), constraints={"max_cost_usd": "0.000000000001"}))
    ((_, result),) = flow.ended
    assert result.error is not None
    assert (result.error.field, flow.audits) == ("constraints.max_cost_usd", [])


def test_a_detected_task_type_must_be_allowed() -> None:
    tasks = DetectedTasks(Sure(), 0.5)
    assert routed(governed(Policy(allowed_task_types=("coding",))), tasks).onward
    flow = routed(governed(Policy(allowed_task_types=("support",))), tasks)
    assert refusal(flow) == ("task_type_not_allowed", "task_type")


def test_where_no_task_type_is_told_failing_decides() -> None:
    policy = Policy(allowed_task_types=("support",), failing=Failing.OPEN)
    one = a_journey()
    one.policy = effective_policy(chain({"policy": policy}))
    assert routed(one).onward == [one]


def test_an_answer_is_bounded_by_the_policy_where_the_request_leaves_it_open() -> None:
    one = governed(Policy(max_output_tokens=77), sampling={"temperature": 0.5})
    routed(one)
    body = msgspec.json.decode(to_call(one, NOW).body)
    assert body["sampling"] == {"temperature": 0.5, "max_output_tokens": 77}
    assert {**body, "sampling": None} == {**msgspec.json.decode(one.body), "sampling": None}
    assert to_call(one, NOW).passenger.digest == one.digest


def test_a_wide_bound_neither_excludes_models_nor_asks_more_than_they_can() -> None:
    one = governed(Policy(max_output_tokens=900_000))
    routed(one)
    longest = min(spec.max_output_tokens for spec in three_models())
    assert one.longest_answer == longest
    assert [target.model for target in one.targets] == [target.model for target in _unbounded()]


def test_a_request_that_asks_for_less_keeps_its_own_bound() -> None:
    one = governed(Policy(max_output_tokens=77), sampling={"max_output_tokens": 5})
    routed(one)
    assert to_call(one, NOW).body is one.body


def test_a_bound_is_written_beside_what_is_there() -> None:
    assert bounded(b'{"id":"a","tags":{ }}', 5) == b'{"id":"a","tags":{ },"sampling":{"max_output_tokens":5}}'


@pytest.mark.parametrize(
    "policy", [Policy(allowed_models=("big", "middle")), Policy(allowed_providers=("west",)), Policy()]
)
def test_a_logged_decision_is_decided_again_under_the_rules_of_its_time(policy: Policy) -> None:
    registry = a_registry(*three_models(), a_model("far", providers=["west"], price={"input": 50, "output": 50}))
    one = governed(policy)
    RoutingStep(registry, SETTINGS).process([one], NOW)
    then = Decision.model_validate_json(decision_of(one).encoded())
    moment = datetime.fromtimestamp(NOW, UTC)
    result = Result(
        id=one.request.id,
        status=Status.COMPLETED,
        lane=one.lane,
        cost_usd=Decimal(0),
        decision=then,
        received_at=moment,
        completed_at=moment,
    )
    (again,) = Replayer(registry, SETTINGS).decide([Logged(one.request, result, TENANT)])
    assert isinstance(again, Route)
    assert again.targets[0] == one.targets[0]
    assert again.choice.lost.keys() == then.lost.keys()


def _unbounded() -> tuple[Any, ...]:
    one = governed(Policy())
    routed(one)
    return one.targets
