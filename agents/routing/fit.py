"""Whether a model fits the constraints, and if not, what stands against it and what would help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from agents.routing.constraints import RoutingConstraints
from schemas.prices import cost_of
from schemas.registry import ModelSpec
from schemas.wire import Tokens, plain

FIELD_OF_CAPABILITY = {"tools": "tools", "json": "response_format", "vision": "messages"}


class Violation(NamedTuple):
    """One constraint that a model does not meet.

    Attributes:
        field: Dotted path of the request's field that asks for it, or of the tenant's.
        loss: Why the model lost, in a few words: it is written on every decision.
        remedy: What would admit the model.
    """

    field: str
    loss: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model with what is expected of it for these constraints."""

    spec: ModelSpec
    cost: Decimal
    quality: float
    latency_ms: float

    @classmethod
    def of(cls, spec: ModelSpec, constraints: RoutingConstraints) -> Candidate:
        """Return what to expect of this model."""
        tokens = Tokens(constraints.input_tokens, 0, constraints.output_tokens)
        return cls(
            spec,
            cost_of(tokens, spec.price),
            spec.quality_for(constraints.task_type),
            spec.latency_ms(constraints.output_tokens),
        )


def violations(candidate: Candidate, constraints: RoutingConstraints) -> Iterator[Violation]:
    """Yield what stands against a candidate: what cannot be helped first, then what the request may loosen."""
    yield from _tenancy(candidate.spec, constraints)
    yield from _abilities(candidate.spec, constraints)
    yield from _room(candidate.spec, constraints)
    yield from _expectations(candidate, constraints)


def _tenancy(spec: ModelSpec, constraints: RoutingConstraints) -> Iterator[Violation]:
    allowed = constraints.allowed_models
    if allowed is not None and spec.name not in allowed:
        yield Violation("limits.allowed_models", "not allowed for the tenant", f"allow {spec.name} for the tenant")
    if constraints.lane not in spec.lanes:
        loss = f"not in the {constraints.lane} lane"
        yield Violation("constraints.deadline", loss, "change constraints.deadline so that another lane serves it")


def _abilities(spec: ModelSpec, constraints: RoutingConstraints) -> Iterator[Violation]:
    needed = constraints.capabilities
    if needed and not needed <= spec.capabilities:
        for capability in sorted(needed - spec.capabilities):
            field = FIELD_OF_CAPABILITY[capability]
            yield Violation(field, f"lacks {capability}", f"send it without what needs {capability} ({field})")


def _room(spec: ModelSpec, constraints: RoutingConstraints) -> Iterator[Violation]:
    longest = constraints.max_output_tokens
    if longest is not None and longest > spec.max_output_tokens:
        yield Violation(
            "sampling.max_output_tokens",
            f"answers up to {spec.max_output_tokens} tokens, not {longest}",
            f"set sampling.max_output_tokens to {spec.max_output_tokens} or less",
        )
    tokens = constraints.input_tokens + constraints.output_tokens
    if tokens > spec.context_window:
        yield Violation(
            constraints.input_field,
            f"context of {spec.context_window} tokens, not {tokens}",
            f"shorten the input so that it fits {spec.context_window} tokens with its answer",
        )


def _expectations(candidate: Candidate, constraints: RoutingConstraints) -> Iterator[Violation]:
    if candidate.quality < constraints.min_quality:
        yield Violation(
            "constraints.min_quality",
            f"quality {candidate.quality:g}, not {constraints.min_quality:g}",
            f"set constraints.min_quality to {candidate.quality:g} or less",
        )
    budget = constraints.latency_budget_ms
    if budget is not None and candidate.latency_ms > budget:
        yield Violation(
            "constraints.latency_budget_ms",
            f"takes {candidate.latency_ms:.0f} ms, not {budget:.0f}",
            f"set constraints.latency_budget_ms to {candidate.latency_ms:.0f} or more",
        )
    limit = constraints.max_cost_usd
    if limit is not None and candidate.cost > limit:
        cost = plain(candidate.cost)
        yield Violation(
            "constraints.max_cost_usd",
            f"costs {cost} USD, not {plain(limit)}",
            f"set constraints.max_cost_usd to {cost} or more",
        )
