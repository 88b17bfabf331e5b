"""What a tenant may ask for, and how often."""

from __future__ import annotations

import math

from schemas.request import Request
from schemas.tenant import TenantLimits
from schemas.wire import ProblemRecord

NS_PER_SECOND = 1_000_000_000
NS_PER_MINUTE = 60 * NS_PER_SECOND
MS_PER_SECOND = 1000
MAX_IDLE_TENANTS = 10_000
"""Tenants whose rate is remembered before those who have been idle long enough are forgotten."""


class RateLimiter:
    """Requests per minute by the generic cell rate algorithm, one number of state per tenant.

    Requests are due one interval apart; each accepted one moves the time at which the next is due, and a request
    may come early by as much as the burst allows. Exactly `requests_per_minute` pass in the long run, `burst` at
    once at most. Source: ITU-T Recommendation I.371, annex A, virtual scheduling algorithm. Times are whole
    nanoseconds, so that no rounding adds up.

    One instance serves the tenants of one partition, so that nothing else writes their state. A new instance knows
    of no earlier request: after a restart a tenant has its whole burst.
    """

    def __init__(self) -> None:
        self._due: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._due)

    def wait(self, tenant: str, limits: TenantLimits, now: float) -> float:
        """Accept a request, or say how long it is too early.

        Args:
            tenant: Whose request it is.
            limits: The tenant's; without `burst`, a whole minute's requests may come at once.
            now: Unix seconds.

        Returns:
            0 when the request is accepted and counted, else the seconds until one would be.
        """
        rate = limits.requests_per_minute
        if rate is None:
            return 0.0
        at = round(now * NS_PER_SECOND)
        interval = -(-NS_PER_MINUTE // rate)
        due = max(self._due.get(tenant, at), at)
        early = due - at - interval * ((limits.burst or rate) - 1)
        if early > 0:
            return early / NS_PER_SECOND
        if tenant not in self._due and len(self._due) >= MAX_IDLE_TENANTS:
            self._forget_idle(at)
        self._due[tenant] = due + interval
        return 0.0

    def _forget_idle(self, at: int) -> None:
        """Drop the tenants of whom nothing is known that a new tenant would not have too."""
        self._due = {tenant: due for tenant, due in self._due.items() if due > at}


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


def rate_problem(limits: TenantLimits, wait: float) -> ProblemRecord:
    """Return the problem of a request that came `wait` seconds too early."""
    seconds = math.ceil(wait * MS_PER_SECOND) / MS_PER_SECOND  # never a moment too early
    return ProblemRecord(
        "rate_limited",
        f"tenant: more than {limits.requests_per_minute} requests per minute",
        f"wait {seconds:g} s",
        "tenant",
        seconds,
    )
