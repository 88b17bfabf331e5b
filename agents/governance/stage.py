"""Governance as a step: whose request it is and whether the tenant may have it."""

from __future__ import annotations

from collections.abc import Sequence

from agents.governance import problems
from agents.governance.limits import RateLimiter, limits_problem, rate_problem
from agents.governance.outcomes import STAGE, rejection_audit
from agents.governance.tenants import TenantDirectory
from schemas.result import Status
from schemas.tokens import estimate_tokens
from schemas.wire import ProblemRecord
from streams.stage import Flow, Journey, ended_with


class GovernanceStep:
    """Admits the requests of registered tenants within their limits.

    Args:
        directory: Who is registered; may change between calls.
        limiter: The rates of the tenants of the partition whose journeys this step gets.
    """

    def __init__(self, directory: TenantDirectory, limiter: RateLimiter) -> None:
        self._directory = directory
        self._limiter = limiter

    @property
    def name(self) -> str:
        """Name under which time spent is reported."""
        return STAGE

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        """Fill in the tenant and the estimated input tokens, and end what may not go on.

        A request whose deadline has passed is expired, which is no fault and is not audited. A rejection is, and
        does not count against the rate.
        """
        flow = Flow()
        for journey in journeys:
            verdict = self._verdict(journey, now)
            if verdict is None:
                flow.onward.append(journey)
                continue
            status, problem = verdict
            flow.ended.append((journey, ended_with(journey, status, problem, now)))
            if status is Status.REJECTED:
                request = journey.request
                flow.audits.append(rejection_audit(request.tenant, request.id, problem, now))
        return flow

    def _verdict(self, journey: Journey, now: float) -> tuple[Status, ProblemRecord] | None:
        """Return how the journey ends here, or None after filling in what governance knows of it."""
        request = journey.request
        tenant = self._directory.get(request.tenant)
        if tenant is None:
            return _rejected(_unknown_tenant(request.tenant))
        deadline = request.constraints.deadline
        if deadline is not None and deadline.timestamp() <= now:
            return Status.EXPIRED, problems.to_resend(_deadline_passed())
        input_tokens = estimate_tokens(request)
        problem = limits_problem(request, input_tokens, tenant.limits)
        if problem is not None:
            return _rejected(problem)
        wait = self._limiter.wait(request.tenant, tenant.limits, now)
        if wait > 0:
            return _rejected(rate_problem(tenant.limits, wait))
        journey.tenant = tenant
        journey.input_tokens = input_tokens
        return None


def _rejected(problem: ProblemRecord) -> tuple[Status, ProblemRecord]:
    return Status.REJECTED, problems.to_resend(problem)


def _unknown_tenant(name: str) -> ProblemRecord:
    return ProblemRecord(
        "unknown_tenant", f"tenant: {name} is not registered", "correct tenant or have it registered", "tenant"
    )


def _deadline_passed() -> ProblemRecord:
    return ProblemRecord(
        "deadline_passed",
        "constraints.deadline: passed before the request was admitted",
        "set a later constraints.deadline",
        "constraints.deadline",
    )
