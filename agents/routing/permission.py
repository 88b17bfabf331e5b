"""What a policy has against a request that only routing can tell: a task type that was detected, no model left."""

from __future__ import annotations

from agents.routing.tasks.detection import Detection
from schemas.effective_policy import EffectivePolicy
from schemas.request import Request
from schemas.wire import ProblemRecord

BY_POLICY = frozenset({"model_not_allowed", "provider_not_allowed", "task_type_not_allowed", "task_type_unknown"})
POLICY = "policy."
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


def is_by_policy(problem: ProblemRecord) -> bool:
    """Return whether it was a policy that left no way, which is on record like every rejection by governance."""
    return problem.code in BY_POLICY or (problem.field or "").startswith(POLICY)
