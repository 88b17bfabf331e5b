"""The pipeline's own decisions, asked again: the router, the cache's fingerprint, the lanes, the budgets' periods."""

from __future__ import annotations

from collections.abc import Sequence

from agents.cache.exact import worth_keeping
from agents.cache.fingerprint import fingerprint_of
from agents.governance.budgets.periods import renews_at, start_of
from agents.recommendations.cases import Case
from agents.recommendations.terms import Rerouted
from agents.routing.configured import configured_predictor, configured_tasks
from agents.routing.permission import task_problem
from agents.routing.prospect import UNKNOWN
from agents.routing.quality import Qualities
from agents.routing.replay import Logged, Replayer
from agents.routing.router import Route
from agents.routing.tasks.detection import Detection
from agents.routing.units import quality_of
from agents.windows.lanes import LaneChooser
from schemas.policy import Period
from schemas.registry import ModelRegistry
from schemas.request import Mode, Request
from schemas.result import Lane, Result
from schemas.settings import BatchSettings, RoutingSettings, WindowSettings
from schemas.wire import Answer


class RouterAgain:
    """Routes logged requests with what they asked changed, under the policies that hold now.

    What experience told of the candidates counts as when the request was routed; of requests that named a model it
    told of that model alone, so it counts for none.

    Args:
        registry: The models.
        settings: As configured.
    """

    def __init__(self, registry: ModelRegistry, settings: RoutingSettings) -> None:
        predictor = configured_predictor(settings)
        self._registry = registry
        self._settings = settings
        self._places = {spec.name: place for place, spec in enumerate(registry)}
        self._tasks = configured_tasks(settings)
        self._qualities = None if predictor is None else Qualities(predictor, registry)
        self._replayer = Replayer(registry, settings, self._qualities)

    def routed(
        self, cases: Sequence[Case], requests: Sequence[Request], lane: Lane | None = None
    ) -> list[Rerouted | None]:
        """Return where changed requests would go; None for those that would be refused or asked in a cascade."""
        detected = self._detected(requests)
        logged = [
            Logged(request, _as_asked(case.result, task, lane), case.tenant, case.policy)
            for case, request, task in zip(cases, requests, detected, strict=True)
        ]
        routes = self._replayer.decide(logged)
        before = self._predicted(cases, requests, detected)
        found: list[Rerouted | None] = []
        for case, request, route, task, quality in zip(cases, requests, routes, detected, before, strict=True):
            refused = task_problem(request, task, case.policy) is not None
            if refused or not isinstance(route, Route) or route.choice.steps:
                found.append(None)
                continue
            target, after = route.targets[0], route.choice.predicted_quality
            kind = request.task_type if task is None else task.task_type
            found.append(Rerouted(target.model, target.provider, kind, quality if after is None else after, quality))
        return found

    def as_good(self, cases: Sequence[Case]) -> list[Request]:
        """Return what each request asks without its model's name: for a quality as predicted of that model."""
        bare = [case.request.model_copy(update={"mode": Mode.AUTOPILOT, "model": None}) for case in cases]
        predicted = self._predicted(cases, bare, self._detected(bare))
        return [self._for_quality(request, quality) for request, quality in zip(bare, predicted, strict=True)]

    def _for_quality(self, request: Request, quality: float) -> Request:
        """Return a request that asks for a quality, or for what it asked for where that is more."""
        asked = request.constraints.min_quality
        least = max(self._settings.min_quality if asked is None else asked, quality)
        constraints = request.constraints.model_copy(update={"min_quality": least})
        return request.model_copy(update={"constraints": constraints})

    def _detected(self, requests: Sequence[Request]) -> Sequence[Detection | None]:
        return [None] * len(requests) if self._tasks is None else self._tasks.of(requests)

    def _predicted(
        self, cases: Sequence[Case], requests: Sequence[Request], detected: Sequence[Detection | None]
    ) -> list[float]:
        """Return the predicted quality of the models that answered."""
        told = [None] * len(requests) if self._qualities is None else self._qualities.of(requests)
        found = []
        for case, request, task, qualities in zip(cases, requests, detected, told, strict=True):
            name = case.result.model or ""
            units = UNKNOWN if qualities is None or name not in self._places else qualities[self._places[name]]
            if units != UNKNOWN:
                found.append(quality_of(units))
                continue
            spec = self._registry.get(name)
            kind = request.task_type if task is None else task.task_type
            found.append(0.0 if spec is None else spec.quality_for(kind))
        return found


def _as_asked(result: Result, task: Detection | None, lane: Lane | None) -> Result:
    """Return a result whose decision tells the replayer what is to be known: the task type as it is detected now."""
    decision = result.decision
    if decision is not None:
        update: dict[str, object] = {
            "task_type": None if task is None else task.task_type,
            "task_confidence": None if task is None else task.confidence,
        }
        if decision.rule == "explicit_model":
            update["candidates"] = {}
        decision = decision.model_copy(update=update)
    return result.model_copy(update={"decision": decision, "lane": result.lane if lane is None else lane})


class CacheAgain:
    """What the exact cache takes for the same question."""

    def question(self, case: Case) -> str:
        """Return the fingerprint under which an answer is kept."""
        return fingerprint_of(case.request, case.policy.sharing)

    def whatever_its_length(self, case: Case) -> str:
        """Return the same for the question however long the answer may be."""
        sampling = case.request.sampling.model_copy(update={"max_output_tokens": None})
        return fingerprint_of(case.request.model_copy(update={"sampling": sampling}), case.policy.sharing)

    def keeps(self, case: Case) -> bool:
        """Return whether the answer would be kept."""
        output = case.result.output
        return output is not None and worth_keeping(Answer(output.content, output.tool_calls, output.finish_reason))


class LanesAgain:
    """The choice of lanes as if there were a batch lane, with what is expected of batches before any is seen."""

    def __init__(self, windows: WindowSettings, batches: BatchSettings) -> None:
        self._chooser = LaneChooser.of(windows.model_copy(update={"batch_lane": True}), batches)

    def late(self, seconds_left: float) -> float | None:
        """Return the probability that a batch is not back in time; None where the batch lane is not chosen."""
        best = self._chooser.prospects(seconds_left)[0]
        return best.late if best.lane is Lane.BATCH else None


class BudgetPeriods:
    """When the periods of budgets begin and end."""

    def whole(self, period: Period, since: float, until: float) -> list[int]:
        """Return the starts of the periods that lie wholly between two Unix seconds; of the total there are none."""
        found: list[int] = []
        start: int | None = start_of(period, since)
        if period is Period.TOTAL or start is None:
            return found
        if start < since:
            start = renews_at(period, since)
        while start is not None and (end := renews_at(period, start)) is not None and end <= until:
            found.append(start)
            start = end
        return found
