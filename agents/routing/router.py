"""The choice of a model: named, cheapest or best, always the same for the same constraints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from agents.routing.constraints import RoutingConstraints
from agents.routing.decision import best, cheapest, named
from agents.routing.fit import candidate_of, too_dear, too_long, violations
from agents.routing.refusal import no_model_meets, not_allowed, not_fitting, unknown
from agents.routing.scores import Offer, by_cost, scores
from agents.routing.shortlist import shortlist_of
from schemas.batch import Target
from schemas.registry import ModelRegistry, ModelSpec
from schemas.request import Mode
from schemas.wire import Choice, ProblemRecord

SHORTLISTS = 1_024
"""Remembered for constraints seen before; each is a few kilobytes."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: the chosen model first, then the fallbacks in order, and why."""

    targets: tuple[Target, ...]
    choice: Choice


class Router:
    """Chooses among the models of a registry.

    Args:
        registry: The models.
        max_fallbacks: Most targets besides the chosen one.
    """

    def __init__(self, registry: ModelRegistry, max_fallbacks: int) -> None:
        self._registry = registry
        self._max_fallbacks = max_fallbacks
        self._shortlist = lru_cache(SHORTLISTS)(partial(shortlist_of, registry))

    def route(self, constraints: RoutingConstraints, input_tokens: int) -> Route | ProblemRecord:
        """Return the route, or why there is none.

        Mode `explicit` takes the named model or none. `autopilot` takes the cheapest that meets the constraints;
        equal costs go to the better, then the faster, then the first by name. `guided` takes the best by the
        request's weights; equal scores go to the cheaper, then as before.
        """
        if constraints.mode is Mode.EXPLICIT:
            return self._named(constraints, input_tokens)
        shortlist = self._shortlist(constraints)
        offers: list[Offer] = []
        lost = shortlist.excluded.copy()
        for candidate in shortlist.candidates:
            against = too_long(candidate, constraints, input_tokens) or too_dear(candidate, constraints, input_tokens)
            if against is None:
                offers.append(Offer(candidate.cost(input_tokens), candidate.spec.name, candidate))
            else:
                lost[candidate.spec.name] = against.loss
        if not offers:
            return no_model_meets(self._registry, constraints, input_tokens)
        offers.sort(key=by_cost)
        if constraints.weights is None:
            choice = cheapest(offers, shortlist.rates, lost)
        else:
            scored = scores(offers, constraints.weights)
            offers.sort(key=lambda offer: -scored[offer.name])
            choice = best(offers, scored, lost)
        return Route(self._targets([offer.candidate.spec for offer in offers]), choice)

    def _named(self, constraints: RoutingConstraints, input_tokens: int) -> Route | ProblemRecord:
        assert constraints.model is not None, "mode explicit names a model"
        spec = self._registry.get(constraints.model)
        allowed = constraints.allowed_models
        if spec is None:
            return unknown(constraints.model, self._registry, allowed)
        if allowed is not None and spec.name not in allowed:
            return not_allowed(spec.name, allowed)
        candidate = candidate_of(spec, constraints)
        against = list(violations(candidate, constraints, input_tokens))
        if against:
            return not_fitting(spec.name, against)
        return Route(
            self._targets([spec]), named(Offer(candidate.cost(input_tokens), candidate.spec.name, candidate))
        )

    def _targets(self, specs: Sequence[ModelSpec]) -> tuple[Target, ...]:
        """Return every provider of the first model, then the preferred provider of each next one."""
        first, *others = specs[: 1 + self._max_fallbacks]
        targets = [Target(first.name, provider) for provider in first.providers]
        targets += [Target(other.name, other.providers[0]) for other in others]
        return tuple(targets[: 1 + self._max_fallbacks])
