"""The choice of a model: named, cheapest, most useful or best, always the same for the same question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import msgspec

from agents.routing.cascade.chain import Chain, chain_of
from agents.routing.cascade.decision import cascaded
from agents.routing.constraints import Needs, RoutingConstraints, Rule
from agents.routing.decision import Field, best, cheapest, most_useful, named
from agents.routing.expectations import Expectations
from agents.routing.fit import Offer, candidate_of, expected_of, offers_of, violations
from agents.routing.leaders import leaders
from agents.routing.permission import permitted_providers
from agents.routing.pieces import joined, piece_of
from agents.routing.prospect import Prospect
from agents.routing.refusal import NOT_PERMITTED, no_model_meets, not_allowed, not_fitting, not_permitted, unknown
from agents.routing.scores import by_utility, scores
from agents.routing.shortlist import shortlist_of
from agents.routing.survey import Survey, survey
from agents.routing.units import quality_of, usd
from schemas.batch import Cascade, Target
from schemas.effective_policy import Permitted
from schemas.registry import ModelRegistry, ModelSpec
from schemas.wire import Choice, ProblemRecord

SHORTLISTS = 128
"""Remembered for needs seen before."""
ORDERS = 1024
"""Remembered of the models to ask."""
NO_CASCADE = "No cascade is cheaper or better."
NO_EXPECTATIONS = Expectations()
ALL_DOWN = "Every provider of a model that fits is out of order at present."


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: the chosen model first, then the fallbacks in order, and why.

    Attributes:
        cascade: Where the first targets are steps of one.
    """

    targets: tuple[Target, ...]
    choice: Choice
    cascade: Cascade | None = None


class Router:
    """Chooses among the models of a registry.

    Args:
        registry: The models; make a new router when they change.
        max_fallbacks: Most targets besides the chosen one.
        expectations: What experience says of calls.
        most_steps: Most models that a cascade asks.
    """

    def __init__(
        self,
        registry: ModelRegistry,
        max_fallbacks: int,
        expectations: Expectations = NO_EXPECTATIONS,
        most_steps: int = 2,
    ) -> None:
        self._registry = registry
        self._specs = {spec.name: spec for spec in registry}
        self._max_fallbacks = max_fallbacks
        self._expectations = expectations
        self._most_steps = most_steps
        self._shortlist = lru_cache(SHORTLISTS)(partial(shortlist_of, registry, expectations))
        self._targets = lru_cache(ORDERS)(self._targets_of)

    def route(self, constraints: RoutingConstraints, prospect: Prospect) -> Route | ProblemRecord:
        """Return the route, or why there is none.

        `EXPLICIT` takes the named model or none. `THRESHOLD` takes the cheapest that meets the constraints; equal
        costs go to the better, then the faster, then the first by name. `UTILITY` takes the best of quality -
        lambda * cost, `WEIGHTS` the best by the request's weights; equal ones go to the cheaper, then as before.
        `CASCADE` takes the models that `chain_of` finds, one after the other, or chooses as `THRESHOLD` where there
        are none.

        Providers that are out of order are avoided as long as another model fits: a call there fails or waits, which
        is better than no answer.
        """
        route = self._route(constraints, prospect)
        if prospect.marked and isinstance(route, Route):
            return replace(route, choice=msgspec.structs.replace(route.choice, marked_tokens=prospect.marked))
        return route

    def _route(self, constraints: RoutingConstraints, prospect: Prospect) -> Route | ProblemRecord:
        if constraints.rule is Rule.EXPLICIT:
            return self._named(constraints, prospect)
        route = self._chosen(constraints, prospect, "")
        if isinstance(route, ProblemRecord) and constraints.needs.down:
            return self._chosen(constraints.whoever_is_down(), prospect, ALL_DOWN)
        return route

    def _chosen(self, constraints: RoutingConstraints, prospect: Prospect, remark: str) -> Route | ProblemRecord:
        shortlist = self._shortlist(constraints.needs)
        found = None
        if constraints.rule is Rule.THRESHOLD:
            found = leaders(shortlist.rows(prospect.input_tokens), constraints, prospect, 1 + self._max_fallbacks)
        if found is None:
            found = survey(shortlist, constraints, prospect)
        if not found.ranked:
            return no_model_meets(self._registry, constraints, prospect, self._expectations)
        confidence = constraints.task_confidence
        field = Field(
            found.expected,
            found.lost,
            prospect.input_tokens,
            self._registry.price_list,
            remark,
            None if confidence is None else constraints.needs.task_type,
            confidence,
            quality_of(constraints.least_quality) if constraints.least_quality else None,
        )
        if constraints.rule is Rule.CASCADE:
            chain = self._chain(found.ranked, constraints, prospect)
            if chain is not None:
                choice = cascaded(chain, found.ranked, constraints.accept, field)
                targets = self._cascade_targets(chain, found.ranked, constraints.needs)
                return Route(targets, choice, chain.terms(constraints.accept))
            field = field._replace(remark=f"{NO_CASCADE} {remark}".rstrip())
        choice = _decided(found, constraints, field)
        first = tuple([offer.name for offer in found.ranked[: 1 + self._max_fallbacks]])
        return Route(self._targets(first, constraints.needs.down, constraints.needs.permitted), choice)

    def _named(self, constraints: RoutingConstraints, prospect: Prospect) -> Route | ProblemRecord:
        assert constraints.model is not None, "mode explicit names a model"
        spec = self._specs.get(constraints.model)
        allowed = constraints.needs.allowed_models
        if spec is None:
            return unknown(constraints.model, self._registry, allowed)
        if allowed is not None and spec.name not in allowed:
            return not_allowed(spec.name, allowed)
        position = [each.name for each in self._registry].index(spec.name)
        (offer,) = offers_of([candidate_of(spec, position, constraints.needs, self._expectations)], prospect)
        against = list(violations(offer, constraints.whoever_is_down(), prospect.input_tokens))
        if against and against[0].field in NOT_PERMITTED:
            return not_permitted(spec.name, against[0])
        if against:
            return not_fitting(spec.name, against)
        piece = piece_of(
            offer.name, expected_of(offer.candidate, offer.quality, usd(offer.cost), offer.cached)
        ).with_quality(offer.quality)
        field = Field(joined([piece]), {}, prospect.input_tokens, self._registry.price_list)
        targets = self._targets((spec.name,), constraints.needs.down, constraints.needs.permitted)
        return Route(targets, named(offer, field))

    def _chain(self, qualified: list[Offer], constraints: RoutingConstraints, prospect: Prospect) -> Chain | None:
        anyhow = constraints._replace(least_quality=0)
        running = survey(self._shortlist(constraints.needs), anyhow, prospect).ranked
        return chain_of(running, qualified, constraints, self._most_steps, self._expectations.escalations)

    def _cascade_targets(self, chain: Chain, qualified: list[Offer], needs: Needs) -> tuple[Target, ...]:
        """Return the preferred provider of each step, then the fallbacks: other providers of the last, and others.

        Who falls back from the last step asks nobody whose answer did not hold.
        """
        steps = [offer.candidate.spec for offer in chain.steps]
        asked = {spec.name for spec in steps}
        down, permitted = needs.down, needs.permitted
        targets = [Target(spec.name, _in_order(spec, down, permitted)[0]) for spec in steps]
        targets += [Target(steps[-1].name, provider) for provider in _in_order(steps[-1], down, permitted)[1:]]
        others = [offer.candidate.spec for offer in qualified if offer.name not in asked]
        targets += [Target(spec.name, _in_order(spec, down, permitted)[0]) for spec in others]
        return tuple(targets[: len(steps) + self._max_fallbacks])

    def _targets_of(
        self, models: tuple[str, ...], down: frozenset[str], permitted: Permitted | None
    ) -> tuple[Target, ...]:
        """Return every provider of the first model, then the preferred provider of each next one.

        Providers that are out of order come last in their model: they may be in order by then. Those that no policy
        permits are left out.
        """
        first, *others = [self._specs[name] for name in models]
        targets = [Target(first.name, provider) for provider in _in_order(first, down, permitted)]
        targets += [Target(other.name, _in_order(other, down, permitted)[0]) for other in others]
        return tuple(targets[: 1 + self._max_fallbacks])


def _decided(found: Survey, constraints: RoutingConstraints, field: Field) -> Choice:
    """Rank the offers that qualify by the rule, the winner first, and return the decision.

    They come as equal ones are decided, and sorting is stable: that order stays among equals.
    """
    ranked = found.ranked
    if constraints.rule in (Rule.THRESHOLD, Rule.CASCADE):
        return cheapest(ranked, found.qualified, field)
    if constraints.rule is Rule.UTILITY:
        useful = by_utility(ranked, constraints.lambda_)
        ranked[:] = [offer for _, offer in useful]
        return most_useful(useful, constraints.lambda_, field)
    assert constraints.weights is not None, "the rule of weights has weights"
    scored = scores(ranked, constraints.weights)
    ranked.sort(key=lambda offer: -scored[offer.name])
    return best(ranked, scored, field)


def _in_order(spec: ModelSpec, down: frozenset[str], permitted: Permitted | None) -> Sequence[str]:
    providers = permitted_providers(spec, permitted)
    return sorted(providers, key=down.__contains__) if down else providers
