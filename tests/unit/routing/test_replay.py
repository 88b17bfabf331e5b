"""Logged requests decided again, and compared."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.routing.comparison import CACHED, NO_REQUEST, NO_TENANT, compare
from agents.routing.expectations import Expectations
from agents.routing.explain import _checked, _same, chosen_by
from agents.routing.logged import requests_in
from agents.routing.quality import Qualities
from agents.routing.replay import ROUTERS, Logged, Replayer
from agents.routing.router import Route
from agents.routing.stage import RoutingStep
from schemas.registry import ModelRegistry
from schemas.result import Check, Decision, Lane, Problem, Result, Status, TokenUsage
from schemas.settings import RoutingSettings
from schemas.wire import ProblemRecord
from tests.flow.journeys import NOW, TENANT, a_journey
from tests.flow.models import a_model, a_registry, decision_of, three_models
from tests.unit.routing.registries import Oracle, expectations, registries

SETTINGS = RoutingSettings(expected_output_tokens=100, min_quality=0.5)
THEN = datetime.fromtimestamp(NOW, UTC)


def logged(step: RoutingStep, lane: Lane = Lane.INTERACTIVE, **fields: Any) -> Logged | None:
    """Route a request as the pipeline does and log what it says; None when no model serves it."""
    journey = a_journey(**fields)
    journey.lane = lane
    if not step.process([journey], NOW).onward:
        return None
    result = Result(
        id=journey.request.id,
        tenant="acme",
        status=Status.COMPLETED,
        model=journey.targets[0].model,
        lane=lane,
        usage=TokenUsage(input_tokens=1000, cached_input_tokens=500, output_tokens=100),
        cost_usd=Decimal("0.5"),
        decision=Decision.model_validate_json(decision_of(journey).encoded()),
        received_at=THEN,
        completed_at=THEN,
    )
    return Logged(journey.request, result, TENANT)


def some(step: RoutingStep, **fields: Any) -> Logged:
    one = logged(step, **fields)
    assert one is not None
    return one


def outcome(one: Logged, **changes: Any) -> Logged:
    return one._replace(result=one.result.model_copy(update=changes))


@settings(max_examples=20, deadline=None)
@given(
    registry=registries(),
    learned=expectations,
    lane=st.sampled_from(list(Lane)),
    fields=st.sampled_from(
        [{}, {"lambda": 2}, {"mode": "guided"}, {"task_type": "mathematics"}, {"strategy": "cascade"}]
    ),
    tokens=st.integers(1, 5_000),
)
def test_a_decision_is_made_again_as_it_was(
    registry: ModelRegistry, learned: Expectations, lane: Lane, fields: dict[str, Any], tokens: int
) -> None:
    step = RoutingStep(registry, SETTINGS)
    step.renew(learned)
    one = logged(step, lane, input_tokens=tokens, **fields)
    if one is None:
        return
    (route,) = Replayer(registry, SETTINGS).decide([one])
    assert isinstance(route, Route)
    assert Decision.model_validate_json(msgspec.json.encode(route.choice)) == one.result.decision
    assert one.result.decision is not None
    assert chosen_by(one.result.decision) == one.result.model == route.targets[0].model


def test_predictions_are_asked_for_again_or_taken_as_recorded() -> None:
    registry = three_models()
    one = some(RoutingStep(registry, SETTINGS, Oracle()), prompt="even", constraints={"min_quality": 0.98})
    assert one.result.model == "small"
    qualities = Qualities(Oracle(), registry)
    for replayer in (Replayer(registry, SETTINGS, qualities), Replayer(registry, SETTINGS, recorded=True)):
        (route,) = replayer.decide([one])
        assert isinstance(route, Route)
        assert route.targets[0].model == "small"
    (refused,) = Replayer(registry, SETTINGS).decide([one])
    assert isinstance(refused, ProblemRecord)
    (without,) = Replayer(registry, SETTINGS, recorded=True).decide([outcome(one, decision=None)])
    assert isinstance(without, ProblemRecord)


def test_a_warm_cache_of_then_counts_again() -> None:
    registry = a_registry(
        a_model("warm", price={"input": 4, "cached_input": 0, "output": 0}, context_window=99_999),
        a_model("cold", price={"input": 3, "output": 0}, context_window=99_999),
    )
    step = RoutingStep(registry, SETTINGS)
    messages = [{"role": "user", "content": "x" * 8_000}]
    some(step, messages=messages, input_tokens=2_000, mode="explicit", model="warm")
    one = some(step, messages=[*messages, {"role": "user", "content": "?"}], input_tokens=2_001)
    assert one.result.model == "warm"
    (route,) = Replayer(registry, SETTINGS).decide([one])
    assert isinstance(route, Route)
    assert route.targets[0].model == "warm"


def test_many_kinds_of_experience_do_not_pile_up() -> None:
    registry = three_models()
    step, replayer = RoutingStep(registry, SETTINGS), Replayer(registry, SETTINGS)
    ones = []
    for tokens in range(ROUTERS + 5):
        step.renew(Expectations({("big", None): tokens + 1}))
        ones.append(some(step))
    assert len(replayer.decide(ones)) == ROUTERS + 5
    assert len(replayer._routers) <= ROUTERS


def test_a_comparison_says_what_happened_and_what_would() -> None:
    registry = three_models()
    step = RoutingStep(registry, SETTINGS)
    cheap, dear = some(step), some(step, constraints={"min_quality": 0.9})
    found = compare([cheap, dear], [], Replayer(registry, SETTINGS.model_copy(update={"min_quality": 0.7})), registry)
    assert {name: side.requests for name, side in found.then.items()} == {"small": 1, "big": 1}
    assert {name: side.requests for name, side in found.now.items()} == {"middle": 1, "big": 1}
    assert found.moves == {("small", "middle"): 1, ("big", "big"): 1}
    assert found.then["small"].cost_usd == Decimal("0.5")
    assert found.now["middle"].cost_usd == Decimal("0.0028")  # 1,000 in, 100 out, nothing cached there
    assert found.now["big"].cost_usd == Decimal("0.0085")  # 500 of them stay cached
    assert found.total(found.now).cost_usd == Decimal("0.0113")
    assert found.total(found.then).mean_quality == (0.6 + 0.95) / 2
    assert found.models == ["big", "small", "middle"]
    assert compare([], [], Replayer(registry, SETTINGS), registry).total({}).mean_quality is None


def test_a_cascade_is_compared_as_a_whole() -> None:
    registry = three_models()
    step = RoutingStep(registry, SETTINGS)
    step.renew(Expectations(escalations={"small": 250_000}))
    one = some(step, strategy="cascade", constraints={"min_quality": 0.8})
    assert one.result.decision is not None
    (route,) = Replayer(registry, SETTINGS).decide([one])
    assert isinstance(route, Route)
    assert [each.model for each in route.choice.steps] == ["small", "middle"]
    assert route.choice.steps[0].escalation == 0.25, "what experience told then counts again"
    assert _same(one.result.decision, route)
    found = compare([one], [], Replayer(registry, SETTINGS), registry)
    assert found.moves == {("small, then middle", "small, then middle"): 1}
    small = Decimal("0.00014")  # nothing is cached at these prices
    assert found.now["small, then middle"].cost_usd == small + Decimal("0.25") * Decimal("0.0028")
    (plain,) = Replayer(registry, SETTINGS).decide([some(step, constraints={"min_quality": 0.8})])
    assert _same(one.result.decision, plain) is False


def test_checks_are_told() -> None:
    check = Check(
        model="small", accepted=False, reason="refusal: no", probability=0.25, delivered_because="none else"
    )
    said = _checked(check)
    assert said == "small not accepted (0.25): refusal: no; delivered, none else"
    assert _checked(Check(model="small", accepted=True, reason="fine")) == "small accepted: fine"


def test_what_cannot_be_routed_again_is_counted_with_its_reason() -> None:
    registry = three_models()
    one = some(RoutingStep(registry, SETTINGS))
    error = Problem(code="rate_limited", message="m", remedy="r")
    ones = [
        outcome(one, status=Status.CACHED),
        outcome(one, status=Status.REJECTED, error=error),
        outcome(one, status=Status.EXPIRED),
        one._replace(tenant=None),
        one,
    ]
    strict = SETTINGS.model_copy(update={"min_quality": 0.99})
    found = compare(ones, [one.result, ones[0].result], Replayer(registry, strict), registry)
    assert found.left_out == {
        CACHED: 2,
        NO_REQUEST: 1,
        NO_TENANT: 1,
        "rejected: rate_limited": 1,
        "expired": 1,
        "refused now: no_model_meets_constraints, constraints.min_quality": 1,
    }
    assert not found.then


def test_messages_are_read_whatever_they_hold() -> None:
    good = b'{"id":"a","tenant":"t","prompt":"x"}'
    assert [each.id for each in requests_in(good)] == ["a"]
    assert [each.id for each in requests_in(b' [{"id":1},' + good + b"]")] == ["a"]
    assert list(requests_in(b"[1,")) == []
    assert list(requests_in(b"")) == []
