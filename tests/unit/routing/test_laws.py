"""What holds whatever the models, the request, the predictions and the experience."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.routing.constraints import RoutingConstraints, constraints_of
from agents.routing.expectations import Expectations
from agents.routing.fit import DEARER, candidate_of, offers_of, violations, written_of
from agents.routing.leaders import leaders
from agents.routing.prospect import Prospect
from agents.routing.router import Route, Router
from agents.routing.shortlist import shortlist_of
from agents.routing.survey import survey
from agents.routing.units import cost_units
from schemas.prices import cost_of
from schemas.registry import ModelRegistry
from schemas.result import Lane
from schemas.wire import ExpectedRecord, ProblemRecord, Tokens
from tests.flow.journeys import TENANT, a_request
from tests.flow.models import candidates_of
from tests.unit.routing.registries import SETTINGS, asked, expectations, prospects, registries

quickly = settings(max_examples=20, deadline=None)
RULES: list[dict[str, Any]] = [
    {},
    {"lambda": 3},
    {"strategy": "utility"},
    {"mode": "guided"},
    {"mode": "guided", "weights": {"quality": 1, "cost": 0, "latency": 2}},
]
any_rule = st.sampled_from(RULES).flatmap(lambda fields: asked(**fields))


@quickly
@given(registry=registries(), constraints=any_rule, prospect=prospects(), learned=expectations)
def test_no_constraint_is_ever_violated(
    registry: ModelRegistry, constraints: RoutingConstraints, prospect: Prospect, learned: Expectations
) -> None:
    route = Router(registry, 3, learned).route(constraints, prospect)
    candidates = [candidate_of(spec, i, constraints.needs, learned) for i, spec in enumerate(registry)]
    offers = {offer.name: offer for offer in offers_of(candidates, prospect)}
    whatever = constraints.whoever_is_down()
    if isinstance(route, ProblemRecord):
        assert all(list(violations(offer, whatever, prospect.input_tokens)) for offer in offers.values())
        return
    for target in route.targets:
        assert not list(violations(offers[target.model], whatever, prospect.input_tokens))
    chosen = offers[route.targets[0].model]
    if list(violations(chosen, constraints, prospect.input_tokens)):
        assert "out of order" in route.choice.reason
    assert set(route.choice.lost) == {spec.name for spec in registry} - {chosen.name}
    assert set(candidates_of(route.choice)) >= {target.model for target in route.targets}


@quickly
@given(registry=registries(), constraints=any_rule, prospect=prospects(), learned=expectations)
def test_the_same_question_gets_the_same_answer(
    registry: ModelRegistry, constraints: RoutingConstraints, prospect: Prospect, learned: Expectations
) -> None:
    once, again = Router(registry, 3, learned), Router(registry, 3, learned)
    again.route(constraints.whoever_is_down(), Prospect(prospect.input_tokens + 1))
    assert once.route(constraints, prospect) == again.route(constraints, prospect)


@quickly
@given(registry=registries(), constraints=asked(), prospect=prospects(), learned=expectations)
def test_threshold_takes_the_cheapest_that_fits(
    registry: ModelRegistry, constraints: RoutingConstraints, prospect: Prospect, learned: Expectations
) -> None:
    constraints = constraints.whoever_is_down()
    route = Router(registry, 3, learned).route(constraints, prospect)
    candidates = [candidate_of(spec, i, constraints.needs, learned) for i, spec in enumerate(registry)]
    fitting = [
        offer
        for offer in offers_of(candidates, prospect)
        if not list(violations(offer, constraints, prospect.input_tokens))
    ]
    if not fitting:
        assert isinstance(route, ProblemRecord)
        return
    assert isinstance(route, Route)
    assert route.targets[0].model == min(fitting).name
    assert min(fitting).cost == min(offer.cost for offer in fitting)


@quickly
@given(
    registry=registries(),
    constraints=asked(strategy="utility"),
    prospect=prospects(),
    lambdas=st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)),
)
def test_a_higher_lambda_never_takes_a_dearer_model(
    registry: ModelRegistry, constraints: RoutingConstraints, prospect: Prospect, lambdas: tuple[int, int]
) -> None:
    router = Router(registry, 3)
    low, high = (router.route(constraints._replace(lambda_=lambda_), prospect) for lambda_ in sorted(lambdas))
    if isinstance(low, ProblemRecord):
        assert isinstance(high, ProblemRecord)
        return
    assert isinstance(high, Route)
    assert low.choice.expected_cost_usd is not None
    assert high.choice.expected_cost_usd is not None
    assert Decimal(high.choice.expected_cost_usd) <= Decimal(low.choice.expected_cost_usd)
    assert high.choice.predicted_quality is not None
    assert low.choice.predicted_quality is not None
    assert high.choice.predicted_quality <= low.choice.predicted_quality


@quickly
@given(registry=registries(), constraints=any_rule, prospect=prospects(), learned=expectations)
def test_the_lean_loop_says_what_the_explaining_functions_say(
    registry: ModelRegistry, constraints: RoutingConstraints, prospect: Prospect, learned: Expectations
) -> None:
    shortlist = shortlist_of(registry, learned, constraints.needs)
    found = survey(shortlist, constraints, prospect)
    offers = offers_of(shortlist.candidates, prospect)
    against = {offer.name: list(violations(offer, constraints, prospect.input_tokens)) for offer in offers}
    assert found.ranked == sorted(offer for offer in offers if not against[offer.name])
    assert found.lost == shortlist.excluded | {name: all_[0].loss for name, all_ in against.items() if all_}
    written = msgspec.json.decode(found.expected, type=dict[str, ExpectedRecord])
    for offer in offers:
        expected = written[offer.name]
        assert cost_units(Decimal(expected.cost_usd)) == offer.cost
        assert round(expected.quality * 1_000_000) == offer.quality
        assert expected.cached_input_tokens == offer.cached


@quickly
@given(
    registry=registries(), constraints=asked(), prospect=prospects(), learned=expectations, count=st.integers(1, 4)
)
def test_the_leaders_are_the_first_of_the_survey(
    registry: ModelRegistry, constraints: RoutingConstraints, prospect: Prospect, learned: Expectations, count: int
) -> None:
    shortlist = shortlist_of(registry, learned, constraints.needs)
    found = leaders(shortlist.rows(prospect.input_tokens), constraints, prospect, count)
    whole = survey(shortlist, constraints, prospect)
    if found is None:
        return
    assert found.ranked[:count] == whole.ranked[:count]
    assert (found.qualified, bytes(found.expected)) == (len(whole.ranked), bytes(whole.expected))
    others = whole.ranked[len(found.ranked) :]
    assert all(offer.cost > found.ranked[-1].cost for offer in others)
    assert found.lost == whole.lost | {offer.name: DEARER for offer in whole.ranked[1:]}


@quickly
@given(
    registry=registries(),
    tokens=st.integers(1, 10**6),
    cached=st.integers(0, 10**6),
    marked=st.integers(0, 10**6),
    output=st.integers(1, 1000),
)
def test_the_expected_cost_is_what_would_be_booked(
    registry: ModelRegistry, tokens: int, cached: int, marked: int, output: int
) -> None:
    fields: dict[str, Any] = {"sampling": {"max_output_tokens": output}}
    needs = constraints_of(a_request(**fields), TENANT, Lane.INTERACTIVE, SETTINGS).needs
    for position, spec in enumerate(registry):
        candidate = candidate_of(spec, position, needs, Expectations())
        read = min(cached, tokens)
        written = written_of(candidate, tokens, read, marked)
        booked = cost_of(Tokens(tokens, read, output, cache_write_tokens=written), spec.price)
        assert candidate.cost(tokens, read, written) == cost_units(booked)
