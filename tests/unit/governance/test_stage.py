from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agents.governance.rates.admission import Admission
from agents.governance.registry import Registry
from agents.governance.stage import GovernanceStep
from schemas.batch import Passenger
from schemas.effective_policy import UNRESTRICTED
from schemas.governance import TeamRegistered, UserRegistered
from schemas.policy import Budget, CacheMode, Period, Policy, Rates
from schemas.request import Request
from schemas.result import Lane, Result, Status
from schemas.tenant import TenantLimits, TenantRegistered
from schemas.tokens import estimate_tokens
from streams.stage import Flow, Journey
from streams.tenancy.state import ledger_key
from tests.flow.budgets import a_desk

NOW = 1_700_000_000.0
EXPECTED_OUTPUT = 100
PAST, FUTURE = "2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z"


class NoReceipt:
    """Nobody is told."""

    def settle(self) -> None:
        raise AssertionError("a step makes nothing durable")


def journey(**fields: Any) -> Journey:
    request = Request.model_validate({"id": "a", "tenant": "t", "prompt": "How many bolts?"} | fields)
    return Journey(request, b"{}", "d" * 32, 0, NOW - 1, NoReceipt())


def step(**limits: Any) -> GovernanceStep:
    directory = Registry()
    directory.register(TenantRegistered(tenant="t", reference_model="m", limits=TenantLimits(**limits)))
    return GovernanceStep(directory, Admission(), a_desk(directory), EXPECTED_OUTPUT)


def only_result(flow: Flow) -> Result:
    ((_, record),) = flow.ended
    assert not flow.onward
    return Result.model_validate_json(msgspec.json.encode(record))


def test_a_known_tenant_s_request_goes_on_with_what_governance_knows() -> None:
    governance, one = step(), journey()
    assert governance.name == "governance"
    flow = governance.process([one], NOW)
    assert (flow.onward, flow.ended, flow.audits) == ([one], [], [])
    assert one.tenant is not None
    assert one.tenant.reference_model == "m"
    assert one.input_tokens == estimate_tokens(one.request)
    assert one.stages_ms == {}


@pytest.mark.parametrize(
    ("code", "limits", "fields"),
    [
        ("unknown_tenant", {}, {"tenant": "u"}),
        ("unknown_tenant", {}, {"tenant": "u", "constraints": {"deadline": PAST}}),
        ("input_too_long", {"max_input_tokens": 1}, {}),
        ("output_too_long", {"max_output_tokens": 1}, {}),
        ("model_not_allowed", {"allowed_models": ["x"]}, {"mode": "explicit", "model": "y"}),
    ],
)
def test_what_may_not_go_on_is_rejected_and_audited(
    code: str, limits: dict[str, Any], fields: dict[str, Any]
) -> None:
    flow = step(**limits).process([journey(**fields)], NOW)
    result = only_result(flow)
    assert result.status is Status.REJECTED
    assert result.error is not None
    assert result.error.code == code
    assert result.error.field is not None
    assert result.error.remedy.endswith("send the request under a new id")
    (audit,) = flow.audits
    assert (audit.subject, audit.tenant, audit.outcome) == ("a", fields.get("tenant", "t"), "rejected")
    assert audit.reason.startswith(code)


def test_the_same_rejection_has_the_same_audit_id() -> None:
    first = step().process([journey(tenant="u")], NOW).audits[0]
    again = step().process([journey(tenant="u")], NOW + 60).audits[0]
    other = step().process([journey(tenant="u", id="b")], NOW).audits[0]
    assert first.id == again.id != other.id


def test_beyond_the_rate_requests_are_told_when_to_come_back() -> None:
    governance = step(requests_per_minute=60, burst=2)
    flow = governance.process([journey(id=str(number)) for number in range(4)], NOW)
    assert [one.request.id for one in flow.onward] == ["0", "1"]
    problems = [record.error for _, record in flow.ended]
    assert [problem and (problem.code, problem.retry_after_seconds) for problem in problems] == [
        ("rate_limited", 1.0),
        ("rate_limited", 1.0),
    ]
    assert len(governance.process([journey()], NOW + 1).onward) == 1


def test_what_is_rejected_or_expired_does_not_count_against_the_rate() -> None:
    governance = step(requests_per_minute=60, burst=1, max_input_tokens=100)
    expired, long = journey(constraints={"deadline": PAST}), journey(prompt="x" * 1000)
    assert len(governance.process([expired, long, journey()], NOW).onward) == 1


def test_a_passed_deadline_expires_without_audit_and_a_coming_one_does_not() -> None:
    flow = step().process([journey(constraints={"deadline": PAST})], NOW)
    assert only_result(flow).status is Status.EXPIRED
    assert flow.audits == []
    assert len(step().process([journey(constraints={"deadline": FUTURE})], NOW).onward) == 1


def test_journeys_keep_their_order_and_a_removed_tenant_is_unknown_at_once() -> None:
    directory = Registry()
    directory.register(TenantRegistered(tenant="t", reference_model="m"))
    governance = GovernanceStep(directory, Admission(), a_desk(directory), EXPECTED_OUTPUT)
    flow = governance.process([journey(id="1"), journey(id="2", tenant="u"), journey(id="3")], NOW)
    assert [one.request.id for one in flow.onward] == ["1", "3"]
    directory.apply(b"t", None)
    assert not governance.process([journey()], NOW).onward


def test_a_journey_gets_its_team_and_what_the_policies_of_its_scopes_come_to() -> None:
    directory = Registry()
    directory.register(TenantRegistered(tenant="t", reference_model="m"))
    directory.register(TeamRegistered(tenant="t", team="search", policy=Policy(cache=CacheMode.OFF)))
    directory.register(UserRegistered(tenant="t", user="amara", team="search", policy=Policy(max_input_tokens=9)))
    governance = GovernanceStep(directory, Admission(), a_desk(directory), EXPECTED_OUTPUT)
    one, other, long = journey(user="amara"), journey(user="ben"), journey(user="amara", prompt="x" * 100)
    flow = governance.process([one, other, long], NOW)
    assert flow.onward == [one, other]
    assert (one.team, one.policy.cache_mode) == ("search", CacheMode.OFF)
    assert (other.team, other.policy) == (None, UNRESTRICTED)
    ((_, rejected),) = flow.ended
    assert rejected.error is not None
    assert "policy.max_input_tokens of user amara is 9" in rejected.error.message
    (audit,) = flow.audits
    assert audit.reason == f"input_too_long: {rejected.error.message}"


@pytest.mark.parametrize(
    ("tokens_per_minute", "policy", "fields", "passes"),
    [
        (110, {}, {}, True),
        (103, {}, {}, False),
        (103, {"max_output_tokens": 50}, {}, True),
        (103, {}, {"sampling": {"max_output_tokens": 50}}, True),
        (110, {}, {"sampling": {"max_output_tokens": 500}}, False),
    ],
)
def test_the_expected_output_is_what_bounds_it(
    tokens_per_minute: int, policy: dict[str, Any], fields: dict[str, Any], passes: bool
) -> None:
    directory = Registry()
    rates = Rates(tokens_per_minute=tokens_per_minute)
    directory.register(TenantRegistered(tenant="t", reference_model="m", policy=Policy(**policy), rates=rates))
    governance = GovernanceStep(directory, Admission(), a_desk(directory), EXPECTED_OUTPUT)
    assert bool(governance.process([journey(**fields)], NOW).onward) is passes


def test_a_policy_that_bounds_answers_bounds_what_budgets_hold() -> None:
    directory = Registry()
    plenty = (Budget(period=Period.DAY, limit_usd=Decimal(1)),)
    directory.register(TenantRegistered(tenant="t", reference_model="big", budgets=plenty))
    governance = GovernanceStep(directory, Admission(), a_desk(directory), EXPECTED_OUTPUT)
    free, bounded = journey(id="free"), journey(id="bounded")
    assert governance.process([free], NOW).onward == [free]
    policy = Policy(max_output_tokens=10)
    directory.register(TenantRegistered(tenant="t", reference_model="big", budgets=plenty, policy=policy))
    assert governance.process([bounded], NOW).onward == [bounded]
    assert free.reserved is not None
    assert bounded.reserved is not None
    assert free.reserved - bounded.reserved == 90 * Decimal("0.00003")


def test_what_is_in_flight_ends_with_its_result_and_is_known_to_a_successor() -> None:
    directory = Registry()
    directory.register(TenantRegistered(tenant="t", reference_model="m", rates=Rates(in_flight=1)))
    first, second = (GovernanceStep(directory, Admission(), a_desk(directory), EXPECTED_OUTPUT) for _ in range(2))
    assert len(first.process([journey(id="a"), journey(id="b")], NOW).onward) == 1
    first.ended(ledger_key("t", "a"))
    assert len(first.process([journey(id="c")], NOW).onward) == 1
    passenger = Passenger("c", "t", 0, "d" * 32, Lane.BULK, b"{}", "m", NOW)
    second.resume(passenger)
    second.resume(msgspec.structs.replace(passenger, tenant="nobody"))
    assert not second.process([journey(id="d")], NOW).onward
    second.ended(ledger_key("t", "c"))
    assert second.process([journey(id="e")], NOW).onward


def test_what_a_predecessor_may_have_let_in_is_counted_and_refused_by_budgets_only() -> None:
    directory = Registry()
    rates = Rates(in_flight=2, requests_per_minute=60, request_burst=1)
    directory.register(TenantRegistered(tenant="t", reference_model="big", rates=rates))
    governance = GovernanceStep(directory, Admission(), a_desk(directory), EXPECTED_OUTPUT)
    before = [journey(id=str(number)) for number in range(5)]
    for one in before:
        one.inherited = True
    assert governance.process(before, NOW).onward == before
    assert only_result(governance.process([journey(id="new")], NOW + 60)).error is not None, "the places are taken"
    for one in before:
        governance.ended(ledger_key("t", one.request.id))
    assert governance.process([journey(id="later")], NOW + 60).onward
    none_left = (Budget(period=Period.DAY, limit_usd=Decimal("1e-9")),)
    directory.register(TenantRegistered(tenant="t", reference_model="big", rates=rates, budgets=none_left))
    again = journey(id="again")
    again.inherited = True
    result = only_result(governance.process([again], NOW + 120))
    assert result.error is not None
    assert result.error.code == "budget_exceeded"


def test_what_a_predecessor_may_have_let_in_expires_as_ever() -> None:
    one = journey(constraints={"deadline": PAST})
    one.inherited = True
    assert only_result(step().process([one], NOW)).status is Status.EXPIRED
