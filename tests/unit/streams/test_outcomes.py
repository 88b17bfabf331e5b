from __future__ import annotations

import base64

import msgspec

from schemas.deadletter import DeadLetter as DeadLetterEvent
from schemas.result import Result, Status
from schemas.wire import ProblemRecord
from streams.outcomes import DeadLetter, Rejected
from tests.unit.governance.strategies import message

PROBLEM = ProblemRecord("invalid_field", "field: is wrong", "correct it", "field")
RECEIVED, NOW = 1_700_000_000.0, 1_700_000_000.25


def test_a_rejection_is_a_result_by_the_contract() -> None:
    record = Rejected("a", "t", PROBLEM, "d" * 32, "ada").result(RECEIVED, NOW)
    result = Result.model_validate_json(msgspec.json.encode(record))
    assert (result.id, result.status, result.tenant, result.user) == ("a", Status.REJECTED, "t", "ada")
    assert result.error is not None
    assert result.error.field == "field"
    assert result.request_digest == "d" * 32
    assert (result.received_at.timestamp(), result.completed_at.timestamp()) == (RECEIVED, NOW)
    assert result.latency_ms == 250.0


def test_a_clock_set_back_gives_no_negative_latency() -> None:
    assert Rejected("a", "t", PROBLEM, "d").result(NOW, RECEIVED).latency_ms == 0.0


def test_a_rejection_is_audited_under_an_id_that_repeats() -> None:
    rejected = Rejected("a", "t", PROBLEM, "d")
    audit = rejected.audit(NOW)
    assert audit.id == rejected.audit(NOW + 60).id
    assert audit.id != Rejected("b", "t", PROBLEM, "d").audit(NOW).id
    assert audit.id != Rejected("a", None, PROBLEM, "d").audit(NOW).id
    assert (audit.subject, audit.outcome, audit.reason) == ("a", "rejected", "invalid_field: field: is wrong")


def test_a_dead_letter_keeps_the_bytes_and_where_they_came_from() -> None:
    letter = DeadLetter(message(b"[{}]", b"k\xff"), 2, PROBLEM, b"\x00\xffbytes")
    event = DeadLetterEvent.model_validate_json(msgspec.json.encode(letter.record(NOW, 100)))
    assert event.id == letter.id == "asahi.requests/3/41/2"
    assert (event.source_topic, event.source_partition, event.source_offset) == ("asahi.requests", 3, 41)
    assert (event.code, event.reason, event.remedy, event.field) == (
        PROBLEM.code,
        PROBLEM.message,
        PROBLEM.remedy,
        PROBLEM.field,
    )
    assert event.key == "k�"
    assert base64.b64decode(event.value_base64) == b"\x00\xffbytes"
    assert (event.size, event.truncated) == (7, False)


def test_a_long_dead_letter_is_cut_off_and_says_so() -> None:
    record = DeadLetter(message(None), 0, PROBLEM, b"x" * 11).record(NOW, 10)
    assert base64.b64decode(record.value_base64) == b"x" * 10
    assert (record.size, record.truncated, record.key) == (11, True, None)
