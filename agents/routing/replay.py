"""Deciding again about a logged request: as it was then, or under another configuration."""

from __future__ import annotations

from typing import NamedTuple

from agents.routing.constraints import constraints_of
from agents.routing.expectations import CALL_UNITS, Expectations
from agents.routing.prospect import UNKNOWN, Prospect
from agents.routing.quality import Qualities
from agents.routing.router import Route, Router
from agents.routing.units import quality_units
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.result import Decision, Lane, Result
from schemas.settings import RoutingSettings
from schemas.tenant import TenantRegistered
from schemas.tokens import estimate_tokens
from schemas.wire import ProblemRecord


class Logged(NamedTuple):
    """A request with its result, as the log has them.

    Attributes:
        tenant: Who asked, as registered now; None when nobody of that name is.
    """

    request: Request
    result: Result
    tenant: TenantRegistered | None


class Replayer:
    """Decides about logged requests under one configuration.

    What only the log knows of a request goes into the decision again: the lane it travelled in, which provider had
    its beginning cached, and what experience told of each candidate. Providers count as in order.

    Args:
        registry: The models.
        settings: What holds where a request says nothing.
        qualities: Predicts quality from the prompt; without it the registry's figures count.
        recorded: Take the qualities that were predicted at the time, for the models that the decision names.
    """

    def __init__(
        self,
        registry: ModelRegistry,
        settings: RoutingSettings,
        qualities: Qualities | None = None,
        *,
        recorded: bool = False,
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._qualities = qualities
        self._recorded = recorded

    def decide(self, logged: Logged, tenant: TenantRegistered) -> Route | ProblemRecord:
        """Return the route a request would get, or why it would get none."""
        request, decision = logged.request, logged.result.decision
        router = Router(self._registry, self._settings.max_fallbacks, _experience(decision, request.task_type))
        constraints = constraints_of(request, tenant, logged.result.lane or Lane.INTERACTIVE, self._settings)
        tokens = None if decision is None else decision.input_tokens
        prospect = Prospect(
            estimate_tokens(request) if tokens is None else tokens, self._predicted(logged), _warm(decision)
        )
        return router.route(constraints, prospect)

    def _predicted(self, logged: Logged) -> tuple[int, ...] | None:
        decision = logged.result.decision
        if self._recorded and decision is not None:
            told = {name: quality_units(expected.quality) for name, expected in decision.candidates.items()}
            return tuple(told.get(spec.name, UNKNOWN) for spec in self._registry)
        if self._qualities is None:
            return None
        (predicted,) = self._qualities.of([logged.request])
        return predicted


def _warm(decision: Decision | None) -> tuple[tuple[str, int], ...]:
    if decision is None:
        return ()
    cached = {name: expected.cached_input_tokens for name, expected in decision.candidates.items()}
    return tuple(sorted((name, tokens) for name, tokens in cached.items() if tokens))


def _experience(decision: Decision | None, task_type: str | None) -> Expectations:
    """Return what experience had told when the decision was made."""
    if decision is None:
        return Expectations()
    candidates = decision.candidates.items()
    return Expectations(
        {(name, task_type): each.output_tokens for name, each in candidates if each.output_tokens is not None},
        {name: round(each.calls * CALL_UNITS) for name, each in candidates},
    )
