"""Decisions that explain themselves, to the one who pays as to the one who was refused."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

from agents.routing.constraints import RoutingConstraints
from agents.routing.fit import Candidate, Violation, violations
from schemas.registry import ModelRegistry
from schemas.wire import Choice, ProblemRecord, plain


def cheapest(ranked: Sequence[Candidate], lost: dict[str, str]) -> Choice:
    """Return the decision for the first of the candidates, ranked by cost; `lost` says why others never qualified."""
    winner, *others = ranked
    for other in others:
        lost[other.spec.name] = _dearer(winner, other)
    reason = f"{winner.spec.name} is the cheapest of {_models(len(ranked))} that meet the constraints."
    return _choice("cheapest_meeting_constraints", reason, winner, lost)


def best(ranked: Sequence[Candidate], scored: Mapping[str, float], lost: dict[str, str]) -> Choice:
    """Return the decision for the first of the candidates, ranked by score."""
    winner, *others = ranked
    score = scored[winner.spec.name]
    for other in others:
        lost[other.spec.name] = f"score {scored[other.spec.name]:.3f}, not {score:.3f}"
    reason = (
        f"{winner.spec.name} scores best ({score:.3f}) by the request's weights "
        f"of {_models(len(ranked))} that meet the constraints."
    )
    return _choice("best_by_weights", reason, winner, lost)


def named(candidate: Candidate) -> Choice:
    """Return the decision for a model the request names: nobody competed, so nobody lost."""
    return _choice("explicit_model", f"The request names {candidate.spec.name}.", candidate, {})


def unknown(model: str, registry: ModelRegistry, allowed: tuple[str, ...] | None) -> ProblemRecord:
    """Return the problem of naming a model that is not in the registry."""
    names = [spec.name for spec in registry if allowed is None or spec.name in allowed]
    close = difflib.get_close_matches(model, names, n=1)
    remedy = (
        f"did you mean {close[0]}?" if close else f"name one of {', '.join(names) or 'none: no model is allowed'}"
    )
    return ProblemRecord("unknown_model", f"model {model} is not known here", remedy, "model")


def not_allowed(model: str, allowed: tuple[str, ...]) -> ProblemRecord:
    """Return the problem of naming a model that the tenant may not use."""
    remedy = (
        f"name one of {', '.join(allowed) or 'none: no model is allowed'}, or have {model} allowed for the tenant"
    )
    return ProblemRecord("model_not_allowed", f"model {model} is not allowed for this tenant", remedy, "model")


def not_fitting(candidate: Candidate, against: Sequence[Violation]) -> ProblemRecord:
    """Return the problem of naming a model that does not meet the request's own constraints."""
    losses = "; ".join(violation.loss for violation in against)
    return ProblemRecord(
        "model_does_not_fit",
        f"model {candidate.spec.name} does not fit the request: {losses}",
        _remedy(against) + ", or name another model",
        against[0].field,
    )


def no_model_meets(registry: ModelRegistry, constraints: RoutingConstraints) -> ProblemRecord:
    """Return the problem of constraints that no model meets.

    It names the constraint that excluded the most models, and as remedy what would admit the nearest one: the model
    with the fewest constraints against it, of those the cheapest.
    """
    candidates = [Candidate.of(spec, constraints) for spec in registry]
    against = {candidate.spec.name: list(violations(candidate, constraints)) for candidate in candidates}
    excluded = Counter(violation.field for violation in chain.from_iterable(against.values()))
    if not excluded:
        return ProblemRecord("no_model_meets_constraints", "no model is configured", "add one to the models file")
    field, count = excluded.most_common(1)[0]
    nearest = min(candidates, key=lambda one: (len(against[one.spec.name]), one.cost, one.spec.name))
    return ProblemRecord(
        "no_model_meets_constraints",
        f"no model meets the constraints: {field} alone excludes {count} of {_models(len(candidates))}",
        f"{_remedy(against[nearest.spec.name])}, and {nearest.spec.name} can answer",
        field,
    )


def _choice(rule: str, reason: str, winner: Candidate, lost: dict[str, str]) -> Choice:
    return Choice(rule, reason, plain(winner.cost), winner.quality, lost)


def _dearer(winner: Candidate, other: Candidate) -> str:
    if other.cost > winner.cost:
        return f"costs {float(other.cost / winner.cost):.3g} times as much" if winner.cost else "not free"
    if other.quality < winner.quality:
        return f"costs the same, quality {other.quality:g}, not {winner.quality:g}"
    return "costs the same, no better, slower or later by name"


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"


def _remedy(against: Sequence[Violation]) -> str:
    return " and ".join(violation.remedy for violation in against)
