"""What logged requests would have cost and been worth under another configuration, against what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from agents.routing.replay import Logged, Replayer
from agents.routing.router import Route
from schemas.prices import cost_of
from schemas.registry import ModelRegistry
from schemas.result import Lane, Result, Status
from schemas.wire import ProblemRecord, Tokens

NOTHING = Decimal(0)
BATCH = 1_000
NO_REQUEST = "its request is not in the archive"
NO_TENANT = "its tenant is not registered any more"
CACHED = "answered from the cache"


@dataclass(slots=True)
class Side:
    """One side of a comparison, of one model or of all.

    Attributes:
        cost_usd: Of all its requests.
        quality: Predicted, summed over those that have a prediction.
        predicted: How many have one.
    """

    requests: int = 0
    cost_usd: Decimal = NOTHING
    quality: float = 0.0
    predicted: int = 0

    def add(self, cost_usd: Decimal, quality: float | None) -> None:
        """Count one request."""
        self.requests += 1
        self.cost_usd += cost_usd
        if quality is not None:
            self.quality += quality
            self.predicted += 1

    @property
    def mean_quality(self) -> float | None:
        """The mean predicted quality; None without any prediction."""
        return self.quality / self.predicted if self.predicted else None


@dataclass(slots=True)
class Comparison:
    """What happened, and what would have.

    Attributes:
        then: By the model that answered.
        now: By the model that would be chosen.
        moves: Requests by both.
        left_out: Requests that were not routed again, by why.
    """

    then: dict[str, Side] = field(default_factory=dict)
    now: dict[str, Side] = field(default_factory=dict)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def models(self) -> list[str]:
        """All models of either side, those that cost most then first."""
        names = self.then.keys() | self.now.keys()
        return sorted(names, key=lambda name: (-self.then.get(name, Side()).cost_usd, name))

    def total(self, sides: dict[str, Side]) -> Side:
        """Return one side over all models."""
        return Side(
            sum(side.requests for side in sides.values()),
            sum((side.cost_usd for side in sides.values()), NOTHING),
            sum(side.quality for side in sides.values()),
            sum(side.predicted for side in sides.values()),
        )


def compare(
    logged: Iterable[Logged], bare: Iterable[Result], replayer: Replayer, registry: ModelRegistry
) -> Comparison:
    """Route logged requests again.

    The cost then is what was booked, calls that failed included. The cost now is what the tokens that were billed
    then cost at the chosen model's price in `registry`: nobody knows how long its answer would have been. What a
    provider had cached counts only where the model stays. A cascade counts as a model of its own, named by its steps,
    and costs what each step would, times the expected probability that it is asked.

    Args:
        logged: Requests with their results.
        bare: Results without a request.
        replayer: Decides.
        registry: The models it decides among.
    """
    found = Comparison()
    found.left_out.update(_not_answered(result) or NO_REQUEST for result in bare)
    open_ = []
    for one in logged:
        why = _not_answered(one.result) or (NO_TENANT if one.tenant is None else None)
        if why is None:
            open_.append(one)
        else:
            found.left_out[why] += 1
    for start in range(0, len(open_), BATCH):
        batch = open_[start : start + BATCH]
        for one, route in zip(batch, replayer.decide(batch), strict=True):
            if isinstance(route, ProblemRecord):
                found.left_out[f"refused now: {route.code}" + (f", {route.field}" if route.field else "")] += 1
            else:
                _count(one.result, route, registry, found)
    return found


def _count(result: Result, route: Route, registry: ModelRegistry, into: Comparison) -> None:
    """Count a request that was routed again."""
    decision, steps = result.decision, route.choice.steps
    before, after = result.model or "", route.targets[0].model
    if decision is not None and decision.steps:
        before = _name([step.model for step in decision.steps])
    if steps:
        after = _name([step.model for step in steps])
        cost, asked = NOTHING, Decimal(1)
        for step in steps:
            cost += asked * _cost(result, step.model, registry, batch=False)
            asked *= Decimal(str(step.escalation or 0))
    else:
        cost = _cost(result, after, registry, batch=result.lane is Lane.BATCH)
    then = None if decision is None else decision.predicted_quality
    into.then.setdefault(before, Side()).add(result.cost_usd, then)
    into.now.setdefault(after, Side()).add(cost, route.choice.predicted_quality)
    into.moves[before, after] += 1


def _name(steps: Sequence[str]) -> str:
    return ", then ".join(steps)


def _cost(result: Result, model: str, registry: ModelRegistry, *, batch: bool) -> Decimal:
    """Return what the tokens of a result cost at another model."""
    spec = registry.get(model)
    assert spec is not None, "the router chooses among the registry's models"
    usage = result.usage
    cached = usage.cached_input_tokens if model == result.model else 0
    tokens = Tokens(usage.input_tokens, cached, usage.output_tokens, usage.reasoning_tokens)
    return cost_of(tokens, spec.price, batch=batch)


def _not_answered(result: Result) -> str | None:
    if result.status is Status.COMPLETED:
        return None
    if result.status is Status.CACHED:
        return CACHED
    return f"{result.status}: {result.error.code}" if result.error else str(result.status)
