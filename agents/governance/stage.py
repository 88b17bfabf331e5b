"""Governance as a step: whose request it is and whether the tenant may have it."""

from __future__ import annotations

from collections.abc import Sequence

from agents.governance import problems
from agents.governance.encryption.requirement import encryption_problem
from agents.governance.limits import RateLimiter, limits_problem, rate_problem
from agents.governance.registry import Registry
from schemas.result import Status
from schemas.tenant import TenantRegistered
from schemas.tokens import estimate_tokens
from schemas.wire import ProblemRecord
from streams.outcomes import STAGE, rejection_audit
from streams.stage import Flow, Journey, deadline_of, ended_with, expired


class GovernanceStep:
    """Admits the requests of registered tenants within their limits.

    Args:
        directory: Who is registered; may change between calls.
        limiter: The rates of the tenants of the partition whose journeys this step gets.
    """

    def __init__(self, directory: Registry, limiter: RateLimiter) -> None:
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
            tenant = self._directory.get(journey.request.tenant)
            deadline = deadline_of(journey.request)
            if tenant is not None and deadline is not None and deadline <= now:
                flow.ended.append((journey, expired(journey, now)))
                continue
            problem = self._objection(journey, tenant, now)
            if problem is None:
                flow.onward.append(journey)
                continue
            problem = problems.to_resend(problem)
            request = journey.request
            flow.ended.append((journey, ended_with(journey, Status.REJECTED, problem, now)))
            flow.audits.append(rejection_audit(request.tenant, request.id, problem, now))
        return flow

    def _objection(self, journey: Journey, tenant: TenantRegistered | None, now: float) -> ProblemRecord | None:
        """Return what speaks against a journey, or None after filling in what governance knows of it."""
        request = journey.request
        if tenant is None:
            return _unknown_tenant(request.tenant)
        encryption = tenant.policy.encryption
        if encryption is not None or journey.data_key is not None:
            problem = encryption_problem(journey, encryption)
            if problem is not None:
                return problem
        input_tokens = estimate_tokens(request)
        problem = limits_problem(request, input_tokens, tenant.limits)
        if problem is not None:
            return problem
        wait = self._limiter.wait(request.tenant, tenant.limits, now)
        if wait > 0:
            return rate_problem(tenant.limits, wait)
        journey.tenant = tenant
        journey.input_tokens = input_tokens
        return None


def _unknown_tenant(name: str) -> ProblemRecord:
    return ProblemRecord(
        "unknown_tenant", f"tenant: {name} is not registered", "correct tenant or have it registered", "tenant"
    )
