"""What a model must meet to answer a request, gathered from the request, its tenant and its lane."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from agents.routing.tasks.detection import Detection
from agents.routing.units import cost_units, lambda_units, quality_units
from schemas.effective_policy import UNRESTRICTED, EffectivePolicy, Permitted
from schemas.registry import Capability
from schemas.request import Message, Mode, Request, Strategy, Weights
from schemas.result import Lane
from schemas.settings import RoutingSettings
from schemas.tenant import TenantRegistered

IMAGE_PARTS = frozenset({"image_url", "input_image", "image"})
NO_CAPABILITIES: frozenset[Capability] = frozenset()
NONE_DOWN: frozenset[str] = frozenset()
EVEN = Weights()


class Rule(StrEnum):
    """What decides among the models that meet the constraints; the name is written on every decision."""

    THRESHOLD = "cheapest_meeting_constraints"
    UTILITY = "best_by_utility"
    WEIGHTS = "best_by_weights"
    CASCADE = "cascade"
    EXPLICIT = "explicit_model"


RULES = {Strategy.THRESHOLD: Rule.THRESHOLD, Strategy.UTILITY: Rule.UTILITY, Strategy.CASCADE: Rule.CASCADE}


class Needs(NamedTuple):
    """What decides who may compete, whatever the request's own length: few for many requests.

    Attributes:
        task_type: Kind of task, as the request says or as detected.
        output_tokens: Expected of the answer: what was asked for, or the configured expectation.
        max_output_tokens: As asked for, or None.
        down: Providers that are out of order.
        permitted: Who may answer by policy; None where there is no rule.
    """

    task_type: str | None
    latency_budget_ms: float | None
    output_tokens: int
    max_output_tokens: int | None
    capabilities: frozenset[Capability]
    allowed_models: tuple[str, ...] | None
    lane: Lane
    down: frozenset[str] = NONE_DOWN
    permitted: Permitted | None = None


class RoutingConstraints(NamedTuple):
    """Everything the choice depends on that requests may have in common. A tuple, so that it hashes fast.

    Attributes:
        rule: What decides.
        model: The model asked for in mode `explicit`.
        least_quality: In millionths.
        most_cost: In cost units.
        input_field: Where the input came from, `prompt` or `messages`.
        weights: Of quality, cost and latency, for the rule `WEIGHTS`.
        lambda_: Quality per US dollar in millionths, for the rule `UTILITY`.
        accept: Least probability with which a cheap answer is taken, in millionths, for the rule `CASCADE`.
        task_confidence: Where the task type was detected: how probably it is right, in tenths.
        cost_by: Whose policy bounds the cost, where it is tighter than what the request asks for.
    """

    rule: Rule
    model: str | None
    least_quality: int
    most_cost: int | None
    input_field: str
    needs: Needs
    weights: tuple[float, float, float] | None = None
    lambda_: int = 0
    accept: int = 0
    task_confidence: float | None = None
    cost_by: str | None = None

    def whoever_is_down(self) -> RoutingConstraints:
        """Return the same constraints with every provider in order."""
        return self._replace(needs=self.needs._replace(down=NONE_DOWN))


def constraints_of(
    request: Request,
    tenant: TenantRegistered,
    lane: Lane,
    settings: RoutingSettings,
    down: frozenset[str] = NONE_DOWN,
    detected: Detection | None = None,
    policy: EffectivePolicy = UNRESTRICTED,
) -> RoutingConstraints:
    """Return what a model must meet for this request.

    Args:
        request: What is asked.
        tenant: Who asks.
        lane: In which lane it travels.
        settings: What holds where the request says nothing.
        down: Providers that are out of order.
        detected: Task type of a request that names none.
        policy: What holds for it.
    """
    asked = request.constraints
    longest = request.sampling.max_output_tokens
    most, cost_by = _most_cost(asked.max_cost_usd, policy)
    rule = rule_of(request, settings)
    weights, lambda_, accept = None, 0, 0
    if rule is not Rule.THRESHOLD:
        if rule is Rule.WEIGHTS:
            weights = _weights(request)
        elif rule is Rule.UTILITY:
            lambda_ = _lambda(request, settings)
        elif rule is Rule.CASCADE:
            accept = _accept(request, settings)
            if lane is Lane.BATCH:
                lane = Lane.BULK  # a batch asks one model, and nobody waits for a second batch
    needs = Needs(
        request.task_type if detected is None else detected.task_type,
        asked.latency_budget_ms,
        policy.expected_output(settings.expected_output_tokens) if longest is None else longest,
        longest,
        capabilities_of(request),
        tenant.limits.allowed_models,
        lane,
        down,
        policy.permitted,
    )
    return RoutingConstraints(
        rule,
        request.model,
        quality_units(settings.min_quality if asked.min_quality is None else asked.min_quality),
        most,
        "prompt" if request.messages is None else "messages",
        needs,
        weights,
        lambda_,
        accept,
        None if detected is None else detected.confidence,
        cost_by,
    )


def rule_of(request: Request, settings: RoutingSettings) -> Rule:
    """Return what decides: the request's strategy, what it names that implies one, or the settings' strategy."""
    mode, strategy = request.mode, request.strategy
    if mode is Mode.EXPLICIT:
        return Rule.EXPLICIT
    if strategy is None:
        if request.lambda_ is not None:
            strategy = Strategy.UTILITY
        elif request.accept is not None:
            strategy = Strategy.CASCADE
        elif mode is Mode.GUIDED:
            return Rule.WEIGHTS
    return RULES[strategy or settings.strategy]


def capabilities_of(request: Request) -> frozenset[Capability]:
    """Return what the request needs besides text: tools, a JSON format, images among its message parts."""
    messages = request.messages
    if not request.tools and request.response_format is None and messages is None:
        return NO_CAPABILITIES
    needed = set()
    if request.tools:
        needed.add(Capability.TOOLS)
    if request.response_format is not None and request.response_format.get("type", "text") != "text":
        needed.add(Capability.JSON)
    if messages is not None and any(map(_shows_image, messages)):
        needed.add(Capability.VISION)
    return frozenset(needed)


def _shows_image(message: Message) -> bool:
    content = message.content
    return isinstance(content, list) and any(part.get("type") in IMAGE_PARTS for part in content)


def _most_cost(asked: Decimal | None, policy: EffectivePolicy) -> tuple[int | None, str | None]:
    """Return the most that a call may be expected to cost, in cost units, and whose policy says so if one does."""
    bound = policy.max_cost_usd
    if bound is not None and (asked is None or bound.value < asked):
        return cost_units(bound.value), bound.by
    return (None if asked is None else cost_units(asked)), None


def _weights(request: Request) -> tuple[float, float, float]:
    weights = request.weights or EVEN
    return (weights.quality, weights.cost, weights.latency)


def _lambda(request: Request, settings: RoutingSettings) -> int:
    return lambda_units(settings.utility_lambda if request.lambda_ is None else request.lambda_)


def _accept(request: Request, settings: RoutingSettings) -> int:
    return quality_units(settings.cascade_accept if request.accept is None else request.accept)
