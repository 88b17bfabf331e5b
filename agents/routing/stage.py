"""Routing as a step: a route or a rejection for every journey."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import repeat

from agents.routing.constraints import NONE_DOWN, RoutingConstraints, Rule, constraints_of, rule_of
from agents.routing.expectations import Expectations
from agents.routing.permission import is_by_policy, task_problem
from agents.routing.predictions import QualityPredictor
from agents.routing.prospect import Prospect
from agents.routing.quality import Qualities
from agents.routing.router import NO_EXPECTATIONS, Router
from agents.routing.sharing import shared
from agents.routing.tasks.requests import DetectedTasks
from agents.routing.warmth import PromptCaches
from schemas.batch import Cascade, Target
from schemas.registry import ModelRegistry
from schemas.result import Status
from schemas.settings import RoutingSettings
from schemas.survey import Findings
from schemas.wire import ProblemRecord
from streams.outcomes import rejection_audit
from streams.stage import Flow, Journey, ended_with

NONE_DETECTED = repeat(None)
Decided = tuple[tuple[Target, ...], bytes, Findings | None, Cascade | None]
"""The targets in order, the JSON of the choice, the survey it names, and the cascade whose steps come first."""


class RoutingStep:
    """Routes journeys.

    Decisions are remembered by the whole of what they depend on, token counts and warm caches included: nothing is
    rounded into classes, so a remembered decision and its expected cost are exact. Decisions with predictions of
    their own are not remembered: no two are alike.

    Args:
        registry: The models to choose from; call `renew` when they change.
        settings: What to expect and how much to remember.
        predictor: Predicts quality from the prompt; without one the registry's figures count.
        down: Says which providers are out of order.
        tasks: Tells the task types of requests that name none; without it they have none.
    """

    name = "routing"

    def __init__(
        self,
        registry: ModelRegistry,
        settings: RoutingSettings,
        predictor: QualityPredictor | None = None,
        down: Callable[[], frozenset[str]] = lambda: NONE_DOWN,
        tasks: DetectedTasks | None = None,
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._predictor = predictor
        self._down = down
        self._tasks = tasks
        self._caches = PromptCaches(settings, registry)
        self.renew()

    def renew(self, expectations: Expectations | None = None) -> None:
        """Choose from the registry as it is now, with these expectations; what was remembered is forgotten."""
        settings = self._settings
        self._router = Router(
            self._registry, settings.max_fallbacks, expectations or NO_EXPECTATIONS, settings.cascade_steps
        )
        self._decide = lru_cache(self._settings.memo_entries)(self._decided)
        qualities = None if self._predictor is None else Qualities(self._predictor, self._registry)
        self._qualities = qualities if qualities is not None and qualities.informed else None

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        """Write target models and the decision on each journey; reject those that no model can serve."""
        flow = Flow()
        down = self._down()
        detected = NONE_DETECTED if self._tasks is None else self._tasks.of([each.request for each in journeys])
        for journey, qualities, task in zip(journeys, self._predicted(journeys), detected):  # noqa: B905 - may be endless
            assert journey.tenant is not None, "governance names the tenant before routing"
            problem = task_problem(journey.request, task, journey.policy)
            if problem is not None:
                self._refuse(journey, problem, now, flow)
                continue
            constraints = constraints_of(
                journey.request, journey.tenant, journey.lane, self._settings, down, task, journey.policy
            )
            beginnings = self._caches.beginnings(journey.request, journey.input_tokens)
            marked, prefix = 0, journey.prefix
            if prefix is not None and prefix.cuts:
                marked = prefix.cuts[-1].tokens
                beginnings += self._caches.marked(prefix)
            warm = self._caches.warm(beginnings, now) if beginnings else ()
            decide = self._decide if qualities is None else self._decided
            decided = decide(constraints, Prospect(journey.input_tokens, qualities, warm, marked))
            if isinstance(decided, ProblemRecord):
                self._refuse(journey, decided, now, flow)
            else:
                journey.targets, journey.choice, journey.findings, journey.cascade = decided
                journey.lane = constraints.needs.lane
                if journey.policy.max_output_tokens is not None:
                    journey.longest_answer = self._longest_answer(journey)
                flow.onward.append(journey)
                if beginnings:
                    self._caches.note(beginnings, journey.targets[0].model, now)
        return flow

    @staticmethod
    def _refuse(journey: Journey, problem: ProblemRecord, now: float, flow: Flow) -> None:
        """Reject a journey; where a policy decided, it is on record."""
        flow.ended.append((journey, ended_with(journey, Status.REJECTED, problem, now)))
        if is_by_policy(problem):
            flow.audits.append(rejection_audit(journey.request.tenant, journey.request_id, problem, now))

    def _longest_answer(self, journey: Journey) -> int | None:
        """Return how long the answer may be where only the policy bounds it: what every target can give."""
        bound = journey.policy.max_output_tokens
        if bound is None or journey.request.sampling.max_output_tokens is not None:
            return None
        specs = [self._registry.get(target.model) for target in journey.targets]
        return min(bound.value, *(spec.max_output_tokens for spec in specs if spec is not None))

    def _decided(self, constraints: RoutingConstraints, prospect: Prospect) -> Decided | ProblemRecord:
        route = self._router.route(constraints, prospect)
        if isinstance(route, ProblemRecord):
            return route
        choice, findings = route.choice, None
        if prospect.qualities is None and self._settings.share_surveys:  # no two with predictions are alike
            choice, findings = shared(choice)
        return (route.targets, choice.encoded(), findings, route.cascade)

    def _predicted(self, journeys: Sequence[Journey]) -> Sequence[tuple[int, ...] | None]:
        """Return the predicted qualities for each journey; None where nothing is predicted."""
        found: list[tuple[int, ...] | None] = [None] * len(journeys)
        if self._qualities is None:
            return found
        open_ = [
            index
            for index, journey in enumerate(journeys)
            if rule_of(journey.request, self._settings) is not Rule.EXPLICIT
        ]
        if open_:
            told = self._qualities.of([journeys[index].request for index in open_])
            for index, qualities in zip(open_, told, strict=True):
                found[index] = qualities
        return found
