from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.governance.audit.findings import Finding, Kind
from agents.governance.compliance import judgements as judge
from agents.governance.compliance.controls import CONTROLS
from agents.governance.compliance.judgements import Judgement, Verdict
from tests.unit.governance.compliance.made import KEY, POLICY, YESTERDAY, act, evidence, facts, verified

LONG_AGO = YESTERDAY - timedelta(days=100)


def judged(**fields: Any) -> dict[str, Verdict]:
    """Return verdicts by the name of what judged."""
    found = evidence(**fields)
    return {control.judge.__name__: control.judge(found).verdict for control in CONTROLS}


def test_everything_in_order_is_evidence_wherever_asahi_can_tell() -> None:
    verdicts = judged()
    assert set(verdicts.values()) == {Verdict.EVIDENCE, Verdict.NOT_COVERED}
    assert Verdict.GAP not in verdicts.values()


def spoiled_chain() -> Any:
    chain = verified()
    chain.findings.add(Finding(Kind.CHANGED, "log-1", 0, "changed"))
    return chain


@pytest.mark.parametrize(
    ("fields", "gaps"),
    [
        ({"facts": facts(POLICY | {"retention_days": None})}, {"retention", "by_design"}),
        ({"oldest": [{"topic": "asahi.results", "oldest": LONG_AGO, "events": 1}]}, {"retention"}),
        ({"fewest_days": 30, "overdue": 1}, {"retention"}),
        ({"fewest_days": 6}, {"retention"}),
        (
            {"sealed": [{"topic": "asahi.results", "with_content": 10, "sealed": 9, "oldest": YESTERDAY}]},
            {"encryption", "erasure"},
        ),
        ({"facts": facts(POLICY | {"personal_data": "flag"})}, {"minimisation"}),
        ({"facts": facts(POLICY | {"personal_data": "off"})}, {"minimisation", "by_design"}),
        ({"audit_chain": None}, {"accountability"}),
        ({"audit_chain": spoiled_chain()}, {"accountability"}),
        ({"audited": [act("result_opened", without_reason=1)]}, {"access"}),
        ({"audited": [act("key_revoked", without_reason=1)]}, {"change_management"}),
        ({"regions": {"east": None}}, {"processors"}),
        ({"without_result": 1}, {"integrity"}),
        ({"signed": 9}, {"authentication"}),
        ({"facts": facts(POLICY, KEY | {"expires_at": None})}, {"key_hygiene"}),
        ({"facts": facts(POLICY, KEY | {"issued_at": "2026-01-01T00:00:00Z"})}, {"key_hygiene"}),
        ({"facts": facts(POLICY, KEY | {"user": None})}, {"unique_users"}),
        ({"facts": facts(POLICY, KEY | {"revoked_at": "2026-11-02T00:00:00Z"})}, {"key_hygiene", "unique_users"}),
        (
            {"results": [{"status": "completed", "results": 10, "with_content": 9, "users": 1, "naming_user": 9}]},
            {"subject_access"},
        ),
    ],
)
def test_what_is_not_in_order_is_a_gap_and_nothing_else_is(fields: dict[str, Any], gaps: set[str]) -> None:
    assert {name for name, verdict in judged(**fields).items() if verdict is Verdict.GAP} == gaps


def test_figures_are_counted() -> None:
    found = evidence(
        audited=[act("result_opened", times=3, without_reason=1, actor="noor"), act("data_key_destroyed", times=2)],
        rejections=[{"code": "budget_exceeded", "times": 5, "last": YESTERDAY}],
    )
    assert judge.access(found).figure == "3 looks by 1 person, 1 without a reason"
    assert judge.erasure(found).figure == "2 erasures; 0 messages not erasable"
    assert judge.monitoring(found).figure == "5 rejections, budgets passed 5 times"
    assert "email 4" in judge.minimisation(found).evidence


def test_keys_are_counted_by_their_state() -> None:
    found = evidence(
        facts=facts(
            POLICY,
            KEY,
            KEY | {"expires_at": "2026-11-25T00:00:00Z"},
            KEY | {"revoked_at": "2026-11-25T00:00:00Z", "expires_at": "2026-11-25T00:00:00Z"},
        )
    )
    assert (found.keys.active, found.keys.expired, found.keys.revoked) == (1, 1, 1)


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 0, "none"),
        (0, 5, "0 % (0 of 5)"),
        (5, 5, "100 % (5 of 5)"),
        (9_999_999, 10_000_000, "99.9 % (9,999,999 of 10,000,000)"),
        (1, 10_000_000, "0.1 % (1 of 10,000,000)"),
    ],
)
def test_a_share_is_whole_only_when_it_is(part: int, whole: int, said: str) -> None:
    assert judge.share(part, whole) == said


def test_what_asahi_cannot_know_is_said_to_be_so() -> None:
    assert judge.outside("why") == Judgement(Verdict.NOT_COVERED, "", "why")
