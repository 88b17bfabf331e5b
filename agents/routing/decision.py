"""Decisions that explain themselves: the rule, one sentence, what is expected, and why each other model lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from agents.routing.constraints import Rule
from agents.routing.fit import DEARER, Offer
from agents.routing.scores import Ranked
from agents.routing.units import LAMBDA_UNITS, quality_of, usd, utility_of
from schemas.wire import Choice

LESS_USEFUL = "less useful"
"""In as few words as `DEARER`."""


class Field(NamedTuple):
    """Who competed for a request.

    Attributes:
        expected: What is expected of each model that could have answered, by name, those included that miss a
            constraint of the request's own; JSON.
        lost: Why models made no offer or did not qualify, by name; those that lost by the rule are added.
        input_tokens: Estimated length of the input.
        models: Version of the models file.
        remark: Closes the reason, when there is more to say.
        task_type: As detected, or None.
        task_confidence: Of it, or None.
        min_quality: Asked for, or None.
    """

    expected: msgspec.Raw
    lost: dict[str, str]
    input_tokens: int
    models: str
    remark: str = ""
    task_type: str | None = None
    task_confidence: float | None = None
    min_quality: float | None = None


def cheapest(ranked: Sequence[Offer], qualified: int, field: Field) -> Choice:
    """Return the decision for the first of the offers, ranked by cost.

    Args:
        ranked: The offers that qualify, cheapest first; of many perhaps only the first.
        qualified: How many qualify.
        field: Everybody.
    """
    winner = ranked[0]
    lost = field.lost
    for other in ranked[1:]:
        lost[other.name] = DEARER if other.cost > winner.cost else _no_cheaper(winner, other)
    return _choice(Rule.THRESHOLD, f"{winner.name} is the cheapest {_among(qualified)}.", winner, field)


def most_useful(ranked: Sequence[Ranked], lambda_: int, field: Field) -> Choice:
    """Return the decision for the first of the offers, ranked by utility.

    Args:
        ranked: The offers that qualify, the most useful first.
        lambda_: Quality per US dollar in millionths.
        field: Everybody.
    """
    least, winner = ranked[0]
    shown = f"{utility_of(least):.6f}"
    lost = field.lost
    for burden, other in ranked[1:]:
        lost[other.name] = LESS_USEFUL if burden > least else _no_better(winner, other)
    per_usd = lambda_ / LAMBDA_UNITS
    reason = f"{winner.name} is best by quality - {per_usd:g} per USD ({shown}) {_among(len(ranked))}."
    return _choice(Rule.UTILITY, reason, winner, field, per_usd)


def best(ranked: Sequence[Offer], scored: Mapping[str, float], field: Field) -> Choice:
    """Return the decision for the first of the offers, ranked by score."""
    winner = ranked[0]
    score = scored[winner.name]
    for other in ranked[1:]:
        field.lost[other.name] = f"score {scored[other.name]:.3f}, not {score:.3f}"
    reason = f"{winner.name} scores best ({score:.3f}) by the request's weights {_among(len(ranked))}."
    return _choice(Rule.WEIGHTS, reason, winner, field)


def named(offer: Offer, field: Field) -> Choice:
    """Return the decision for a model the request names: nobody competed, so nobody lost."""
    return _choice(Rule.EXPLICIT, f"The request names {offer.name}.", offer, field)


def _among(qualified: int) -> str:
    if qualified == 1:
        return "as the only model that meets the constraints"
    return f"of {qualified} models that meet the constraints"


def _choice(rule: Rule, reason: str, winner: Offer, field: Field, lambda_: float | None = None) -> Choice:
    return Choice(
        rule.value,
        f"{reason} {field.remark}" if field.remark else reason,
        usd(winner.cost),
        quality_of(winner.quality),
        field.lost,
        field.expected,
        field.input_tokens,
        field.models,
        lambda_,
        task_type=field.task_type,
        task_confidence=field.task_confidence,
        min_quality=field.min_quality,
    )


def _no_cheaper(winner: Offer, other: Offer) -> str:
    """Return what decided between equal costs."""
    if other.quality < winner.quality:
        return f"costs the same, quality {quality_of(other.quality):g}, not {quality_of(winner.quality):g}"
    if other.latency_ms > winner.latency_ms:
        return f"costs the same, takes {other.latency_ms:g} ms, not {winner.latency_ms:g}"
    return "the same in all, later by name"


def _no_better(winner: Offer, other: Offer) -> str:
    """Return what decided between equal utilities."""
    if other.cost > winner.cost:
        return f"as useful, costs {usd(other.cost)} USD, not {usd(winner.cost)}"
    return _no_cheaper(winner, other)
