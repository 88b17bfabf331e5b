"""Evidence of a tenant for whom everything is in order, to be spoiled one matter at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.governance.audit.examined import Tally
from agents.governance.audit.findings import Findings
from agents.governance.audit.verification import ChainReport, Place, Verification
from agents.governance.compliance.evidence import Evidence

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
YESTERDAY = (NOW - timedelta(days=1)).replace(tzinfo=None)
POLICY = {"retention_days": 30, "personal_data": "redact", "encryption": "tenant", "allowed_providers": ["east"]}
KEY = {
    "tenant": "acme",
    "user": "amara",
    "issued_at": "2026-11-01T00:00:00Z",
    "expires_at": "2027-11-01T00:00:00Z",
}


def facts(policy: Mapping[str, Any] = POLICY, *keys: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return what governance says of `acme`, with these keys or one good one."""
    found: dict[str, Mapping[str, Any]] = {"acme": {"tenant": "acme", "policy": dict(policy)}}
    return found | {f"acme/key/key{number}": key for number, key in enumerate(keys or (KEY,))}


def act(action: str, **fields: Any) -> dict[str, Any]:
    """Return a row of audited acts."""
    row = {"action": action, "outcome": "allowed", "actor": "amara", "times": 1, "without_reason": 0}
    return row | {"first": YESTERDAY, "last": YESTERDAY} | fields


def verified() -> Verification:
    """Return an audit trail in which nothing was found."""
    tally = Tally(records=7, sealed=7, links=2, attested=3)
    return Verification((ChainReport(Place("log-1", 0), tally),), Findings(), 3, ("k1",))


def evidence(**fields: Any) -> Evidence:
    """Return evidence in which everything is in order but for these fields."""
    known: dict[str, Any] = {
        "tenant": "acme",
        "since": NOW - timedelta(days=30),
        "until": NOW,
        "now": NOW,
        "results": [{"status": "completed", "results": 10, "with_content": 10, "users": 2, "naming_user": 10}],
        "requests": 10,
        "without_result": 0,
        "providers": [{"provider": "east", "model": "big", "calls": 10, "input_tokens": 100, "output_tokens": 50}],
        "regions": {"east": "eu-central-1"},
        "sealed": [
            {"topic": "asahi.requests", "with_content": 10, "sealed": 10, "oldest": YESTERDAY},
            {"topic": "asahi.results", "with_content": 10, "sealed": 10, "oldest": YESTERDAY},
        ],
        "oldest": [{"topic": "asahi.requests", "oldest": YESTERDAY, "events": 10}],
        "tables": [{"name": "results_store", "ttl": "timestamp + toIntervalDay(30)"}],
        "topics": {"asahi.requests": 168.0, "asahi.governance": None},
        "messages": 10,
        "signed": 10,
        "facts": facts(),
        "audited": [act("dead_letter_shown"), act("key_issued")],
        "rejections": [{"code": "unknown_field", "times": 2, "last": YESTERDAY}],
        "personal_data": [{"kind": "email", "found": 4, "messages": 3}],
        "dead_letters": 0,
        "audit_chain": verified(),
    }
    return Evidence(**(known | fields))
