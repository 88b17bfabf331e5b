"""Which lane a request travels in."""

from __future__ import annotations

from schemas.request import Request
from schemas.result import Lane
from streams.stage import deadline_of


def lane_of(request: Request, now: float, bulk_after_seconds: float) -> Lane:
    """Return bulk for a request that has time: a deadline at least this far away and no latency budget."""
    constraints = request.constraints
    if constraints.deadline is None or constraints.latency_budget_ms is not None:
        return Lane.INTERACTIVE
    deadline = deadline_of(request)
    return Lane.BULK if deadline is not None and deadline - now >= bulk_after_seconds else Lane.INTERACTIVE
