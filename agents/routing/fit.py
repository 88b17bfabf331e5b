"""Whether a model fits the constraints, and if not, what stands against it and what would help.

One function per constraint. Most depend on the constraints alone and are asked once for all requests that share them
(`STANDING`); those on the length of the input are asked for every length (`BY_LENGTH`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from agents.routing.constraints import RoutingConstraints
from schemas.prices import TOKENS_PER_PRICE_UNIT, cost_of
from schemas.registry import Capability, ModelSpec
from schemas.wire import Tokens, plain

ASKED_BY = {Capability.TOOLS: "tools", Capability.JSON: "response_format", Capability.VISION: "messages"}


class Violation(NamedTuple):
    """A constraint that a model does not meet.

    Attributes:
        field: Dotted path of the request's field that asks for it, or of the tenant's.
        loss: Why the model lost, in a few words: it is written on every decision.
        remedy: What would admit the model.
    """

    field: str
    loss: str
    remedy: str


class Candidate(NamedTuple):
    """A model with what is expected of it, whatever the length of the input.

    Attributes:
        input_rate: US dollars per input token.
        answer_cost: US dollars of the expected answer, and of the request as such.
    """

    spec: ModelSpec
    quality: float
    latency_ms: float
    input_rate: Decimal
    answer_cost: Decimal

    def cost(self, input_tokens: int) -> Decimal:
        """Return the expected cost in US dollars, exactly as `cost_of` computes it."""
        return input_tokens * self.input_rate + self.answer_cost


Standing = Callable[[Candidate, RoutingConstraints], Violation | None]
ByLength = Callable[[Candidate, RoutingConstraints, int], Violation | None]


def candidate_of(spec: ModelSpec, constraints: RoutingConstraints) -> Candidate:
    """Return what to expect of this model."""
    output_tokens = constraints.output_tokens
    return Candidate(
        spec,
        spec.quality_for(constraints.task_type),
        spec.latency_ms(output_tokens),
        spec.price.input / TOKENS_PER_PRICE_UNIT,
        cost_of(Tokens(0, 0, output_tokens), spec.price),
    )


def violations(candidate: Candidate, constraints: RoutingConstraints, input_tokens: int) -> Iterator[Violation]:
    """Yield everything that stands against a candidate: what cannot be helped first, then what may be loosened."""
    yield from standing_violations(candidate, constraints)
    for check in BY_LENGTH:
        violation = check(candidate, constraints, input_tokens)
        if violation is not None:
            yield violation


def standing_violations(candidate: Candidate, constraints: RoutingConstraints) -> Iterator[Violation]:
    """Yield what stands against a candidate whatever the length of the input."""
    for check in STANDING:
        violation = check(candidate, constraints)
        if violation is not None:
            yield violation


def _allowed(candidate: Candidate, constraints: RoutingConstraints) -> Violation | None:
    allowed, name = constraints.allowed_models, candidate.spec.name
    if allowed is None or name in allowed:
        return None
    return Violation("limits.allowed_models", "not allowed for the tenant", f"have {name} allowed for the tenant")


def _lane(candidate: Candidate, constraints: RoutingConstraints) -> Violation | None:
    lane = constraints.lane
    if lane in candidate.spec.lanes:
        return None
    remedy = f"choose a constraints.deadline that leads into another lane than {lane}"
    return Violation("constraints.deadline", f"not in the {lane} lane", remedy)


def _capabilities(candidate: Candidate, constraints: RoutingConstraints) -> Violation | None:
    missing = sorted(constraints.capabilities - candidate.spec.capabilities)
    if not missing:
        return None
    names = " and ".join(missing)
    fields = " and ".join(ASKED_BY[capability] for capability in missing)
    return Violation(ASKED_BY[missing[0]], f"lacks {names}", f"send it without what needs {names} ({fields})")


def _answer_length(candidate: Candidate, constraints: RoutingConstraints) -> Violation | None:
    asked, longest = constraints.max_output_tokens, candidate.spec.max_output_tokens
    if asked is None or asked <= longest:
        return None
    loss = f"answers up to {longest} tokens, not {asked}"
    return Violation("sampling.max_output_tokens", loss, f"set sampling.max_output_tokens to {longest} or less")


def _quality(candidate: Candidate, constraints: RoutingConstraints) -> Violation | None:
    quality, least = candidate.quality, constraints.min_quality
    if quality >= least:
        return None
    remedy = f"set constraints.min_quality to {quality:g} or less"
    return Violation("constraints.min_quality", f"quality {quality:g}, not {least:g}", remedy)


def _latency(candidate: Candidate, constraints: RoutingConstraints) -> Violation | None:
    latency, budget = candidate.latency_ms, constraints.latency_budget_ms
    if budget is None or latency <= budget:
        return None
    remedy = f"set constraints.latency_budget_ms to {latency:g} or more"
    return Violation("constraints.latency_budget_ms", f"takes {latency:g} ms, not {budget:g}", remedy)


def too_long(candidate: Candidate, constraints: RoutingConstraints, input_tokens: int) -> Violation | None:
    """Return the violation of a context window in which the input and its answer do not fit."""
    window, tokens = candidate.spec.context_window, input_tokens + constraints.output_tokens
    if tokens <= window:
        return None
    remedy = f"shorten the input until it fits {window} tokens together with its answer"
    return Violation(constraints.input_field, f"context of {window} tokens, not {tokens}", remedy)


def too_dear(candidate: Candidate, constraints: RoutingConstraints, input_tokens: int) -> Violation | None:
    """Return the violation of the maximum cost."""
    most = constraints.max_cost_usd
    if most is None:
        return None
    cost = candidate.cost(input_tokens)
    if cost <= most:
        return None
    shown = plain(cost.normalize())
    remedy = f"set constraints.max_cost_usd to {shown} or more"
    return Violation("constraints.max_cost_usd", f"costs {shown} USD, not {plain(most)}", remedy)


STANDING: tuple[Standing, ...] = (_allowed, _lane, _capabilities, _answer_length, _quality, _latency)
BY_LENGTH: tuple[ByLength, ...] = (too_long, too_dear)
