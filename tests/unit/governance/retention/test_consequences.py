"""What becomes of events without their content, and who does the removing."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest

from agents.governance.retention.agent import retain_regularly
from agents.governance.retention.events import MARK
from agents.governance.retention.removal import Due, RetentionReport, audits, document, total
from agents.governance.retention.rules import Horizon, Rules
from agents.governance.retention.statements import Look, Statements
from schemas.deadletter import DeadLetter
from schemas.errors import ConfigurationError
from schemas.result import Result, Status
from schemas.settings import KafkaSettings
from streams.cli.letters import send_again
from streams.outcomes import Rejected
from streams.sink.chores import CHORE, chore
from tests.unit.governance.strategies import outcomes

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DUE = Due("acme", 30, {"requests": 2, "results": 1, "dead_letters": 0, "comments": 0}, 900)


def test_a_request_without_its_content_is_ended_with_a_reason_that_says_so() -> None:
    (outcome,) = outcomes(b'{"id":"a","tenant":"t","%s":{"bytes":9,"messages":0}}' % MARK.encode())
    assert isinstance(outcome, Rejected)
    assert MARK in outcome.problem.message


def test_a_result_without_its_content_is_still_a_result() -> None:
    value = b'{"id":"a","status":"completed","cost_usd":"0.1","output":{"finish_reason":"stop"},'
    value += b'"received_at":"2026-11-26T12:00:00Z","completed_at":"2026-11-26T12:00:00Z","content_removed":{}}'
    result = Result.model_validate_json(value)
    assert (result.status, result.output.content if result.output else "") == (Status.COMPLETED, None)


async def test_a_dead_letter_without_its_message_is_not_sent_again() -> None:
    letter = DeadLetter(
        id="a/0/1/0",
        source_topic="asahi.requests",
        source_partition=0,
        source_offset=1,
        stage="s",
        code="c",
        reason="r",
        remedy="r",
        value_base64=b64encode(b"").decode(),
        size=9,
        occurred_at=NOW,
    )
    with pytest.raises(ConfigurationError, match="removed"):
        await send_again(KafkaSettings(), [letter])


def test_the_sink_finds_its_chore_by_name() -> None:
    assert chore(CHORE) is retain_regularly


def test_each_tenant_has_a_record_with_counts_and_without_content() -> None:
    nameless = Due("", None, {"requests": 0, "results": 0, "dead_letters": 1, "comments": 0}, 9)
    found = RetentionReport((DUE, nameless), ("202611",), removed=False, at=NOW)
    first, second = audits(found, "amara", "the audit")
    assert (first.tenant, first.actor, first.subject) == ("acme", "amara", "acme")
    assert first.reason == "policy.retention_days: the audit (requests 2, results 1 after 30 days or more)"
    assert (second.tenant, second.reason) == (None, "policy.retention_days: the audit (dead letters 1)")
    assert total(found.tenants) == 4
    assert document(found)["tenants"][1]["tenant"] is None


def test_names_are_quoted() -> None:
    rules = Rules((Horizon(1, users=frozenset({("acme", "o'brien\\")})),))
    assert "'acme/o\\'brien\\\\'" in Statements(rules, Look(NOW)).due()
