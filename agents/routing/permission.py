"""What policies leave to routing: which models and providers may answer, and the task types that are detected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.routing.tasks.detection import Detection
from agents.routing.violation import Violation
from schemas.effective_policy import EffectivePolicy, Permitted, Restriction
from schemas.registry import ModelRegistry, ModelSpec
from schemas.request import Request
from schemas.wire import ProblemRecord

BY_POLICY = frozenset({"model_not_allowed", "provider_not_allowed", "task_type_not_allowed", "task_type_unknown"})
POLICY = "policy."
NOT_ALLOWED, NO_PROVIDER = "not allowed by ", "no provider of it allowed by "
"""How losses begin; `permitted_then` reads them back."""
REMEDY = "name its task_type, or have an operator allow it"


def task_problem(request: Request, detected: Detection | None, policy: EffectivePolicy) -> ProblemRecord | None:
    """Return what the policy has against the kind of a request that names none, or None.

    Where no kind is detected, or none surely enough, `failing` decides whether the request passes.
    """
    allowed = policy.allowed_task_types
    if allowed is None or request.task_type is not None:
        return None
    if detected is None:
        if policy.fails_open:
            return None
        return ProblemRecord(
            "task_type_unknown",
            f"task_type: left out and not to be told from the request; policy.allowed_task_types of {allowed.by} "
            "holds",
            f"set task_type to one of {', '.join(allowed.names)}" if allowed.names else REMEDY,
            "task_type",
        )
    by = allowed.excluding(detected.task_type)
    if by is None:
        return None
    return ProblemRecord(
        "task_type_not_allowed",
        f"task_type: detected as {detected.task_type}, which policy.allowed_task_types of {by} does not allow",
        f"set task_type if it is one of {', '.join(allowed.names)}" if allowed.names else REMEDY,
        "task_type",
    )


def not_permitted(spec: ModelSpec, permitted: Permitted) -> Violation | None:
    """Return what the policy has against a model: its name, or that none of its providers may be asked."""
    models, providers = permitted
    by = None if models is None else models.excluding(spec.name)
    if by is not None:
        return Violation("policy.allowed_models", f"{NOT_ALLOWED}{by}", f"have {spec.name} allowed by {by}")
    if providers is None or permitted_providers(spec, permitted):
        return None
    first = spec.providers[0]
    by = providers.excluding(first) or providers.by
    return Violation("policy.allowed_providers", f"{NO_PROVIDER}{by}", f"have {first} allowed by {by}")


def permitted_providers(spec: ModelSpec, permitted: Permitted | None) -> Sequence[str]:
    """Return the providers of a model that the policy lets be asked, in the order of the registry."""
    if permitted is None or permitted.providers is None:
        return spec.providers
    return [provider for provider in spec.providers if provider in permitted.providers.names]


def permitted_then(lost: Mapping[str, str], registry: ModelRegistry) -> Permitted | None:
    """Return which models of the registry policies permitted when a decision was made; None where it names no rule.

    Args:
        lost: Why models lost, by name; a model that did not exist then counts as permitted.
        registry: The models.
    """
    excluded: dict[str, set[str]] = {}
    for name, loss in lost.items():
        for beginning in (NOT_ALLOWED, NO_PROVIDER):
            if loss.startswith(beginning):
                excluded.setdefault(loss.removeprefix(beginning), set()).add(name)
    if not excluded:
        return None
    everybody = [spec.name for spec in registry]
    rules = tuple((by, tuple(name for name in everybody if name not in names)) for by, names in excluded.items())
    everywhere = set(everybody).intersection(*(names for _, names in rules))
    return Permitted(Restriction(tuple(name for name in everybody if name in everywhere), rules))


def is_by_policy(problem: ProblemRecord) -> bool:
    """Return whether it was a policy that left no way, which is on record like every rejection by governance."""
    return problem.code in BY_POLICY or (problem.field or "").startswith(POLICY)
