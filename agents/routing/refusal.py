"""Why no model serves a request, and what would help."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from agents.routing.constraints import RoutingConstraints
from agents.routing.expectations import Expectations
from agents.routing.fit import candidate_of, offers_of, violations
from agents.routing.prospect import Prospect
from agents.routing.violation import Violation
from schemas.registry import ModelRegistry
from schemas.wire import ProblemRecord

NOT_PERMITTED = {"policy.allowed_models": "model_not_allowed", "policy.allowed_providers": "provider_not_allowed"}
"""Codes of the rules of a policy about who may answer."""


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


def not_permitted(model: str, against: Violation) -> ProblemRecord:
    """Return the problem of naming a model that the policy does not let answer."""
    remedy = f"{against.remedy}, or name another model"
    return ProblemRecord(NOT_PERMITTED[against.field], f"model {model}: {against.told}", remedy, "model")


def not_fitting(model: str, against: Sequence[Violation]) -> ProblemRecord:
    """Return the problem of naming a model that does not meet the request's own constraints."""
    losses = "; ".join(violation.told for violation in against)
    remedy = f"{_remedy(against)}, or name another model"
    return ProblemRecord(
        "model_does_not_fit", f"model {model} does not fit the request: {losses}", remedy, against[0].field
    )


def no_model_meets(
    registry: ModelRegistry, constraints: RoutingConstraints, prospect: Prospect, expectations: Expectations
) -> ProblemRecord:
    """Return the problem of constraints that no model meets.

    It names the constraint that excludes the most models, and as remedy what would admit the nearest one: the model
    with the fewest constraints against it, of those the cheapest.
    """
    everybody = [
        candidate_of(spec, position, constraints.needs, expectations) for position, spec in enumerate(registry)
    ]
    offers = offers_of(everybody, prospect)
    against = {offer.name: list(violations(offer, constraints, prospect.input_tokens)) for offer in offers}
    excluded = Counter(violation.field for violation in chain.from_iterable(against.values()))
    field, count = excluded.most_common(1)[0]
    nearest = min(offers, key=lambda offer: (len(against[offer.name]), offer.cost, offer.name)).name
    return ProblemRecord(
        "no_model_meets_constraints",
        f"no model meets the constraints: {field} alone excludes {count} of {len(offers)}",
        f"{_remedy(against[nearest])}, and {nearest} can answer",
        field,
    )


def _remedy(against: Sequence[Violation]) -> str:
    return " and ".join(violation.remedy for violation in against)
