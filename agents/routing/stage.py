"""Routing as a step: a route or a rejection for every journey."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from agents.routing.constraints import RoutingConstraints, constraints_of
from agents.routing.router import Router
from schemas.batch import Target
from schemas.registry import ModelRegistry
from schemas.result import Status
from schemas.settings import RoutingSettings
from schemas.wire import ProblemRecord
from streams.stage import Flow, Journey, ended_with

Decided = tuple[tuple[Target, ...], bytes]
"""The targets in order, and the JSON of the choice."""


class RoutingStep:
    """Routes journeys. Make a new one when the registry changes.

    Decisions are remembered by the whole of what they depend on, token counts included: nothing is rounded into
    classes, so a remembered decision and its expected cost are exact.

    Args:
        registry: The models to choose from.
        settings: What to expect and how much to remember.
    """

    name = "routing"

    def __init__(self, registry: ModelRegistry, settings: RoutingSettings) -> None:
        self._settings = settings
        self._router = Router(registry, settings.max_fallbacks)
        self._decide = lru_cache(settings.memo_entries)(self._decided)

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        """Write target models and the decision on each journey; reject those that no model can serve."""
        flow = Flow()
        for journey in journeys:
            assert journey.tenant is not None, "governance names the tenant before routing"
            constraints = constraints_of(journey.request, journey.tenant, journey.lane, self._settings)
            decided = self._decide(constraints, journey.input_tokens)
            if isinstance(decided, ProblemRecord):
                flow.ended.append((journey, ended_with(journey, Status.REJECTED, decided, now)))
            else:
                journey.targets, journey.choice = decided
                flow.onward.append(journey)
        return flow

    def _decided(self, constraints: RoutingConstraints, input_tokens: int) -> Decided | ProblemRecord:
        route = self._router.route(constraints, input_tokens)
        return route if isinstance(route, ProblemRecord) else (route.targets, route.choice.encoded())
