"""Events as a worker writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.result import Lane, Status
from schemas.wire import DeadLetterRecord, ResultRecord, Tokens, UsageRecord

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def result(**changes: Any) -> ResultRecord:
    made = ResultRecord(
        id="request",
        status=Status.COMPLETED,
        cost_usd="0.1",
        received_at=NOW,
        completed_at=NOW,
        tenant="acme",
        lane=Lane.INTERACTIVE,
        latency_ms=100.0,
    )
    return msgspec.structs.replace(made, **changes)


def usage(**changes: Any) -> UsageRecord:
    made = UsageRecord(
        id="call",
        request_id="request",
        tenant="acme",
        model="gpt-4-turbo",
        provider="openai",
        lane=Lane.INTERACTIVE,
        usage=Tokens(100, 40, 50),
        cost_usd="0.1",
        price_list="2026-01-01",
        latency_ms=90.0,
        occurred_at=NOW,
    )
    return msgspec.structs.replace(made, **changes)


def letter(stage: str, code: str) -> DeadLetterRecord:
    return DeadLetterRecord("id", "asahi.requests", 0, 0, stage, code, "reason", "remedy", "", 0, NOW)
