from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from schemas.audit import Audit
from streams.audits import access_audit, current_actor


def test_who_acts_is_who_is_named_else_who_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAHI_ACTOR", "night-shift")
    assert current_actor() == "night-shift"
    monkeypatch.delenv("ASAHI_ACTOR")
    assert current_actor() not in ("", "night-shift")


def test_an_access_is_an_audit_record() -> None:
    at = datetime(2026, 11, 26, tzinfo=UTC)
    shown = access_audit("dead_letter_shown", "a/0/1/0", tenant="acme", reason="ticket 7", actor="amara", at=at)
    audit = Audit.model_validate_json(msgspec.json.encode(shown))
    assert (audit.actor, audit.action, audit.subject, audit.tenant) == (
        "amara",
        "dead_letter_shown",
        "a/0/1/0",
        "acme",
    )
    assert (audit.outcome, audit.reason, audit.occurred_at) == ("allowed", "ticket 7", at)


def test_two_looks_at_one_thing_are_two_records_and_a_missing_reason_is_said() -> None:
    one, other = (access_audit("dead_letter_shown", "x", tenant=None, reason=None) for _ in range(2))
    assert one.id != other.id
    assert one.reason == "no reason given"
