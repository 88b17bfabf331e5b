"""Governance as a step: whose request it is and whether the tenant may have it."""

from __future__ import annotations

from collections.abc import Sequence

from agents.governance import problems
from agents.governance.budgets.desk import BudgetDesk
from agents.governance.encryption.requirement import encryption_problem
from agents.governance.limits import limits_problem
from agents.governance.policies import policy_problem
from agents.governance.rates.admission import Admission
from agents.governance.registry import Registry, Scopes
from agents.governance.standing import standing_of
from agents.governance.steps import steps_problem
from schemas.batch import Passenger
from schemas.request import Request
from schemas.result import Status
from schemas.tokens import estimate_tokens
from schemas.wire import ProblemRecord
from streams.outcomes import STAGE, rejection_audit
from streams.stage import Flow, Journey, deadline_of, ended_with, expired
from streams.steps.foresight import foresee
from streams.tenancy.state import ledger_key


class GovernanceStep:
    """Admits the requests of registered tenants as their policies and limits allow.

    Args:
        directory: Who is registered; may change between calls.
        admission: The rates of the tenants of the partition whose journeys this step gets, and what is in flight.
        budgets: The budgets of the same.
        expected_output_tokens: Length assumed of an answer when nothing bounds it.
    """

    def __init__(
        self, directory: Registry, admission: Admission, budgets: BudgetDesk, expected_output_tokens: int
    ) -> None:
        self._directory = directory
        self._admission = admission
        self._budgets = budgets
        self._expected_output = expected_output_tokens

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
            request = journey.request
            scopes = self._directory.scope_chain(request.tenant, request.user, journey.key_id)
            deadline = deadline_of(request)
            if scopes is not None and deadline is not None and deadline <= now:
                flow.ended.append((journey, expired(journey, now)))
                continue
            problem = _unknown_tenant(request.tenant) if scopes is None else self._objection(journey, scopes, now)
            if problem is None:
                flow.onward.append(journey)
                continue
            problem = problems.to_resend(problem)
            flow.ended.append((journey, ended_with(journey, Status.REJECTED, problem, now)))
            flow.audits.append(rejection_audit(request.tenant, request.id, problem, now))
        return flow

    def resume(self, passenger: Passenger) -> None:
        """Know a request in flight that a predecessor admitted."""
        scopes = self._directory.scope_chain(passenger.tenant, passenger.user, passenger.key_id)
        if scopes is not None:
            places = scopes.once(standing_of).gates.places
            self._admission.in_flight.begin(ledger_key(passenger.tenant, passenger.id), places)

    def ended(self, key: str) -> None:
        """Hear that a request has its durable result, or is left to a provider's batch and may take a day."""
        self._admission.in_flight.end(key)

    def _objection(self, journey: Journey, scopes: Scopes, now: float) -> ProblemRecord | None:
        """Return what speaks against a journey, or None after filling in what governance knows of it."""
        request = journey.request
        encryption = scopes.tenant.policy.encryption
        if encryption is not None or journey.data_key is not None:
            problem = encryption_problem(journey, encryption)
            if problem is not None:
                return problem
        policy, gates, ruled = scopes.once(standing_of)
        usual_output = policy.expected_output(self._expected_output)
        foresight = None if request.steps is None else foresee(request, request.steps, usual_output)
        input_tokens = estimate_tokens(request) if foresight is None else foresight.request.input_tokens
        if ruled:

            def objection(call: Request, tokens: int) -> ProblemRecord | None:
                return limits_problem(call, tokens, scopes.tenant.limits) or policy_problem(call, tokens, policy)

            problem = objection(request, input_tokens)
            if problem is None and foresight is not None:
                problem = steps_problem(request, foresight, objection)
            if problem is not None:
                return problem
        key = ledger_key(request.tenant, request.id)
        output_tokens = request.sampling.max_output_tokens or usual_output
        tokens = input_tokens + output_tokens if foresight is None else foresight.tokens
        journey.input_tokens = input_tokens
        journey.foresight = foresight
        # What a predecessor may have let in is counted all the same; what it had not dispatched holds no money, and
        # budgets judge it like any other.
        problem = None if journey.inherited else self._admission.objection(key, gates, tokens, now)
        problem = problem or self._budgets.reserve(journey, scopes, output_tokens, now)
        if problem is not None:
            return problem
        self._admission.admit(key, gates, tokens, now)
        journey.tenant = scopes.tenant
        journey.policy = policy
        return None


def _unknown_tenant(name: str) -> ProblemRecord:
    return ProblemRecord(
        "unknown_tenant", f"tenant: {name} is not registered", "correct tenant or have it registered", "tenant"
    )
