"""What a model must meet to answer a request, gathered from the request, its tenant and its lane."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from schemas.registry import Capability
from schemas.request import Message, Mode, Request, Weights
from schemas.result import Lane
from schemas.settings import RoutingSettings
from schemas.tenant import TenantRegistered

IMAGE_PARTS = frozenset({"image_url", "input_image", "image"})
NO_CAPABILITIES: frozenset[Capability] = frozenset()
EVEN = Weights()


class RoutingConstraints(NamedTuple):
    """Everything the choice depends on besides the length of the input. A tuple, so that it hashes fast.

    Attributes:
        model: The model asked for in mode `explicit`.
        input_field: Where the input came from, `prompt` or `messages`.
        max_output_tokens: As asked for, or None.
        output_tokens: Expected of the answer: what was asked for, or the configured expectation.
        weights: Of quality, cost and latency, in mode `guided`.
    """

    mode: Mode
    model: str | None
    task_type: str | None
    min_quality: float
    latency_budget_ms: float | None
    max_cost_usd: Decimal | None
    input_field: str
    output_tokens: int
    max_output_tokens: int | None
    capabilities: frozenset[Capability]
    allowed_models: tuple[str, ...] | None
    lane: Lane
    weights: tuple[float, float, float] | None


def constraints_of(
    request: Request, tenant: TenantRegistered, lane: Lane, settings: RoutingSettings
) -> RoutingConstraints:
    """Return what a model must meet for this request."""
    asked = request.constraints
    longest = request.sampling.max_output_tokens
    return RoutingConstraints(
        request.mode,
        request.model,
        request.task_type,
        settings.min_quality if asked.min_quality is None else asked.min_quality,
        asked.latency_budget_ms,
        asked.max_cost_usd,
        "prompt" if request.messages is None else "messages",
        settings.expected_output_tokens if longest is None else longest,
        longest,
        capabilities_of(request),
        tenant.limits.allowed_models,
        lane,
        _weights(request),
    )


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


def _weights(request: Request) -> tuple[float, float, float] | None:
    if request.mode is not Mode.GUIDED:
        return None
    weights = request.weights or EVEN
    return (weights.quality, weights.cost, weights.latency)
