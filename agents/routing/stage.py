"""Routing as a step: a route or a rejection for every journey."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from agents.routing.constraints import constraints_of
from agents.routing.router import Router
from schemas.registry import ModelRegistry
from schemas.result import Status
from schemas.settings import RoutingSettings
from schemas.wire import ProblemRecord
from streams.stage import Flow, Journey, ended_with


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
        self._route = lru_cache(settings.memo_entries)(Router(registry, settings.max_fallbacks).route)

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        """Write target models and the decision on each journey; reject those that no model can serve."""
        flow = Flow()
        for journey in journeys:
            assert journey.tenant is not None, "governance names the tenant before routing"
            constraints = constraints_of(journey.request, journey.tenant, journey.lane, self._settings)
            route = self._route(constraints, journey.input_tokens)
            if isinstance(route, ProblemRecord):
                flow.ended.append((journey, ended_with(journey, Status.REJECTED, route, now)))
            else:
                journey.targets = route.targets
                journey.choice = route.choice
                flow.onward.append(journey)
        return flow
