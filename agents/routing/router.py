"""The choice of a model: named, cheapest or best, always the same for the same constraints."""

from __future__ import annotations

from dataclasses import dataclass

from agents.routing.constraints import RoutingConstraints
from agents.routing.decision import best, cheapest, named, no_model_meets, not_allowed, not_fitting, unknown
from agents.routing.fit import Candidate, violations
from agents.routing.scores import scores
from schemas.batch import Target
from schemas.registry import ModelRegistry, ModelSpec
from schemas.request import Mode
from schemas.wire import Choice, ProblemRecord


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

    def route(self, constraints: RoutingConstraints) -> Route | ProblemRecord:
        """Return the route, or why there is none.

        Mode `explicit` takes the named model or none. `autopilot` takes the cheapest that meets the constraints;
        equal costs go to the better, then the faster, then the first by name. `guided` takes the best by the
        request's weights; equal scores go to the cheaper, then as before.
        """
        if constraints.mode is Mode.EXPLICIT:
            return self._named(constraints)
        qualified: list[Candidate] = []
        lost: dict[str, str] = {}
        for spec in self._registry:
            candidate = Candidate.of(spec, constraints)
            against = next(violations(candidate, constraints), None)
            if against is None:
                qualified.append(candidate)
            else:
                lost[spec.name] = against.loss
        if not qualified:
            return no_model_meets(self._registry, constraints)
        if constraints.weights is None:
            qualified.sort(key=_by_cost)
            choice = cheapest(qualified, lost)
        else:
            scored = scores(qualified, constraints.weights)
            qualified.sort(key=lambda candidate: (-scored[candidate.spec.name], *_by_cost(candidate)))
            choice = best(qualified, scored, lost)
        return Route(self._targets([candidate.spec for candidate in qualified]), choice)

    def _named(self, constraints: RoutingConstraints) -> Route | ProblemRecord:
        assert constraints.model is not None, "mode explicit names a model"
        spec = self._registry.get(constraints.model)
        if spec is None:
            return unknown(constraints.model, self._registry, constraints.allowed_models)
        if constraints.allowed_models is not None and spec.name not in constraints.allowed_models:
            return not_allowed(spec.name, constraints.allowed_models)
        candidate = Candidate.of(spec, constraints)
        against = list(violations(candidate, constraints))
        if against:
            return not_fitting(candidate, against)
        return Route(self._targets([spec]), named(candidate))

    def _targets(self, specs: list[ModelSpec]) -> tuple[Target, ...]:
        """Return every provider of the first model, then the preferred provider of each next one."""
        first, *others = specs
        targets = [Target(first.name, provider) for provider in first.providers]
        targets += [Target(other.name, other.providers[0]) for other in others[: self._max_fallbacks]]
        return tuple(targets[: 1 + self._max_fallbacks])


def _by_cost(candidate: Candidate) -> tuple[object, ...]:
    return (candidate.cost, -candidate.quality, candidate.latency_ms, candidate.spec.name)
