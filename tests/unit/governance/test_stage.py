from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.governance.limits import RateLimiter
from agents.governance.registry import Registry
from agents.governance.stage import GovernanceStep
from schemas.request import Request
from schemas.result import Result, Status
from schemas.tenant import TenantLimits, TenantRegistered
from schemas.tokens import estimate_tokens
from streams.stage import Flow, Journey

NOW = 1_700_000_000.0
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
    return GovernanceStep(directory, RateLimiter())


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
    governance = GovernanceStep(directory, RateLimiter())
    flow = governance.process([journey(id="1"), journey(id="2", tenant="u"), journey(id="3")], NOW)
    assert [one.request.id for one in flow.onward] == ["1", "3"]
    directory.apply(b"t", None)
    assert not governance.process([journey()], NOW).onward
