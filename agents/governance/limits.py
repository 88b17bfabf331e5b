"""What an organization's `limits` let a single request ask for."""

from __future__ import annotations

from schemas.request import Request
from schemas.tenant import TenantLimits
from schemas.wire import ProblemRecord


def limits_problem(request: Request, input_tokens: int, limits: TenantLimits) -> ProblemRecord | None:
    """Return which of its tenant's limits a single request exceeds, or None.

    A limit on output tokens binds requests that leave `max_output_tokens` out, too: they are refused, since what a
    model writes by its own default cannot be foreseen here. In the modes that leave the choice of model open,
    `allowed_models` is for routing to keep.
    """
    if limits.max_input_tokens is not None and input_tokens > limits.max_input_tokens:
        field = "prompt" if request.prompt is not None else "messages"
        return ProblemRecord(
            "input_too_long",
            f"{field}: about {input_tokens} input tokens; the tenant's limit is {limits.max_input_tokens}",
            f"shorten {field}",
            field,
        )
    if limits.max_output_tokens is not None:
        asked = request.sampling.max_output_tokens
        if asked is None or asked > limits.max_output_tokens:
            return ProblemRecord(
                "output_too_long",
                f"sampling.max_output_tokens: {'left out' if asked is None else asked}; "
                f"the tenant's limit is {limits.max_output_tokens}",
                f"set sampling.max_output_tokens to {limits.max_output_tokens} or less",
                "sampling.max_output_tokens",
            )
    allowed = limits.allowed_models
    if allowed is not None and request.model is not None and request.model not in allowed:
        return ProblemRecord(
            "model_not_allowed",
            f"model: {request.model} is not allowed for this tenant",
            f"ask for one of {', '.join(allowed)}" if allowed else "ask an operator to allow a model",
            "model",
        )
    return None
