"""Deciding again about a logged request: as it was then, or under another configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agents.routing.constraints import constraints_of
from agents.routing.expectations import CALL_UNITS, SHARE_UNITS, Expectations, Kind
from agents.routing.permission import permitted_then
from agents.routing.prospect import UNKNOWN, Prospect
from agents.routing.quality import Qualities
from agents.routing.router import Route, Router
from agents.routing.tasks.detection import Detection
from agents.routing.units import quality_units
from schemas.effective_policy import UNRESTRICTED, EffectivePolicy
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.result import Decision, Lane, Result
from schemas.settings import RoutingSettings, TaskDetection
from schemas.tenant import TenantRegistered
from schemas.tokens import estimate_tokens
from schemas.wire import ProblemRecord

ROUTERS = 64
Experience = tuple[tuple[tuple[Kind, int], ...], tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]
"""What `Expectations` holds, as something to look up by."""


class Logged(NamedTuple):
    """A request with its result, as the log has them.

    Attributes:
        tenant: Who asked, as registered now; None when nobody of that name is.
        policy: What holds for the request; None takes which models policies permitted from the decision.
    """

    request: Request
    result: Result
    tenant: TenantRegistered | None
    policy: EffectivePolicy | None = None


class Replayer:
    """Decides about logged requests under one configuration.

    What only the log knows of a request goes into the decision again: the lane it travelled in, which provider had
    its beginning cached and what it was told to cache, which models policies permitted, its task type as detected,
    and what experience told of each candidate. Providers count as in order. What a policy let a request cost is not
    known.

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
        self._routers: dict[Experience, Router] = {}

    def decide(self, logged: Sequence[Logged]) -> list[Route | ProblemRecord]:
        """Return the route each request would get, or why it would get none; their tenants are known."""
        return [self._one(one, qualities) for one, qualities in zip(logged, self._predicted(logged), strict=True)]

    def _one(self, logged: Logged, qualities: tuple[int, ...] | None) -> Route | ProblemRecord:
        request, decision = logged.request, logged.result.decision
        assert logged.tenant is not None, "a request without a tenant is not routed"
        lane = logged.result.lane or Lane.INTERACTIVE
        policy = logged.policy
        if policy is None:
            permitted = None if decision is None else permitted_then(decision.lost, self._registry)
            policy = UNRESTRICTED if permitted is None else EffectivePolicy(permitted=permitted)
        constraints = constraints_of(
            request, logged.tenant, lane, self._settings, detected=self._detected(decision), policy=policy
        )
        tokens = None if decision is None else decision.input_tokens
        marked = 0 if decision is None else decision.marked_tokens
        length = estimate_tokens(request) if tokens is None else tokens
        prospect = Prospect(length, qualities, _warm(decision), marked)
        return self._router(_experience(decision, constraints.needs.task_type)).route(constraints, prospect)

    def _router(self, experience: Experience) -> Router:
        """Return a router with these expectations; consecutive requests mostly share theirs."""
        if experience not in self._routers:
            if len(self._routers) >= ROUTERS:
                self._routers.clear()
            tokens, calls = dict(experience[0]), dict(experience[1])
            self._routers[experience] = Router(
                self._registry,
                self._settings.max_fallbacks,
                Expectations(tokens, calls, dict(experience[2])),
                self._settings.cascade_steps,
            )
        return self._routers[experience]

    def _detected(self, decision: Decision | None) -> Detection | None:
        """Return the task type that was detected at the time; what it was detected with may have changed."""
        if decision is None or decision.task_type is None or self._settings.detect_tasks is TaskDetection.NEVER:
            return None
        return Detection(decision.task_type, decision.task_confidence or 0.0)

    def _predicted(self, logged: Sequence[Logged]) -> Sequence[tuple[int, ...] | None]:
        if self._recorded:
            return [self._as_recorded(one.result.decision) for one in logged]
        if self._qualities is None:
            return [None] * len(logged)
        return self._qualities.of([one.request for one in logged])

    def _as_recorded(self, decision: Decision | None) -> tuple[int, ...] | None:
        if decision is None:
            return None
        told = {name: quality_units(expected.quality) for name, expected in decision.candidates.items()}
        return tuple(told.get(spec.name, UNKNOWN) for spec in self._registry)


def _warm(decision: Decision | None) -> tuple[tuple[str, int], ...]:
    if decision is None:
        return ()
    cached = {name: expected.cached_input_tokens for name, expected in decision.candidates.items()}
    return tuple(sorted((name, tokens) for name, tokens in cached.items() if tokens))


def _experience(decision: Decision | None, task_type: str | None) -> Experience:
    """Return what experience had told when the decision was made."""
    if decision is None:
        return ((), (), ())
    candidates = decision.candidates.items()
    return (
        tuple(((name, task_type), each.output_tokens) for name, each in candidates if each.output_tokens is not None),
        tuple((name, round(each.calls * CALL_UNITS)) for name, each in candidates if each.calls > 1),
        tuple(
            (step.model, round(step.escalation * SHARE_UNITS))
            for step in decision.steps
            if step.escalation is not None
        ),
    )
