"""Results as they lie on `asahi.results`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from schemas.result import Lane, Status
from schemas.wire import Answer, ResultRecord, Tokens, TraceRecord

TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE_ID}-{PARENT_ID}-01"
RECEIVED = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
STAGES = {
    "governance": 1.0,
    "cache": 2.0,
    "windows": 0.5,
    "routing": 1.5,
    "dispatch": 3.0,
    "queue": 4.0,
    "provider": 50.0,
    "accounting": 2.0,
}


def result(**changes: Any) -> ResultRecord:
    """Return a result that took 100 ms."""
    made = ResultRecord(
        id="request-1",
        status=Status.COMPLETED,
        cost_usd="0.00123",
        received_at=RECEIVED,
        completed_at=RECEIVED + timedelta(milliseconds=100),
        tenant="acme",
        user="somebody",
        output=Answer("what nobody else may read", None, "stop"),
        model="gpt-4-turbo",
        provider="openai",
        lane=Lane.INTERACTIVE,
        usage=Tokens(100, 40, 50),
        stages_ms=STAGES,
        latency_ms=100.0,
        attempts=1,
        trace=TraceRecord(SAMPLED),
    )
    return msgspec.structs.replace(made, **changes)


def written(**changes: Any) -> bytes:
    """Return its JSON."""
    return msgspec.json.encode(result(**changes))
