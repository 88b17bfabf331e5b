"""Why no model serves a request, and what would help."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from agents.routing.constraints import RoutingConstraints
from agents.routing.fit import Violation, candidate_of, violations
from schemas.registry import ModelRegistry
from schemas.wire import ProblemRecord


def unknown(model: str, registry: ModelRegistry, allowed: tuple[str, ...] | None) -> ProblemRecord:
    """Return the problem of naming a model that is not in the registry."""
    names = [spec.name for spec in registry if allowed is None or spec.name in allowed]
    close = difflib.get_close_matches(model, names, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"name one of: {', '.join(names)}"
    return ProblemRecord("unknown_model", f"model {model} is not known here", remedy, "model")


def not_allowed(model: str, allowed: tuple[str, ...]) -> ProblemRecord:
    """Return the problem of naming a model that the tenant may not use."""
    remedy = f"name one of: {', '.join(allowed)}; or have {model} allowed for the tenant"
    return ProblemRecord("model_not_allowed", f"model {model} is not allowed for this tenant", remedy, "model")


def not_fitting(model: str, against: Sequence[Violation]) -> ProblemRecord:
    """Return the problem of naming a model that does not meet the request's own constraints."""
    losses = "; ".join(violation.loss for violation in against)
    remedy = f"{_remedy(against)}, or name another model"
    return ProblemRecord(
        "model_does_not_fit", f"model {model} does not fit the request: {losses}", remedy, against[0].field
    )


def no_model_meets(registry: ModelRegistry, constraints: RoutingConstraints, input_tokens: int) -> ProblemRecord:
    """Return the problem of constraints that no model meets.

    It names the constraint that excludes the most models, and as remedy what would admit the nearest one: the model
    with the fewest constraints against it, of those the cheapest.
    """
    candidates = [candidate_of(spec, constraints) for spec in registry]
    against = {one.spec.name: list(violations(one, constraints, input_tokens)) for one in candidates}
    excluded = Counter(violation.field for violation in chain.from_iterable(against.values()))
    field, count = excluded.most_common(1)[0]
    nearest = min(candidates, key=lambda one: (len(against[one.spec.name]), one.cost(input_tokens), one.spec.name))
    return ProblemRecord(
        "no_model_meets_constraints",
        f"no model meets the constraints: {field} alone excludes {count} of {len(candidates)}",
        f"{_remedy(against[nearest.spec.name])}, and {nearest.spec.name} can answer",
        field,
    )


def _remedy(against: Sequence[Violation]) -> str:
    return " and ".join(violation.remedy for violation in against)
