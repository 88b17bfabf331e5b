"""What a paid provider call used and cost: one event per call on `asahi.usage`."""

from __future__ import annotations

from pydantic import AwareDatetime

from schemas.model import Event, Milliseconds, Usd
from schemas.result import Lane, TokenUsage


class Usage(Event):
    """One paid provider call; `id` is the call's id, unique per call actually made.

    Attributes:
        price_list: Which dated price list `cost_usd` was computed with.
        superseded: The call was paid for, but its request already had a result.
    """

    id: str
    request_id: str
    tenant: str
    user: str | None = None
    model: str
    provider: str
    lane: Lane
    task_type: str | None = None
    attempt: int = 1
    usage: TokenUsage
    cost_usd: Usd
    price_list: str
    latency_ms: Milliseconds
    superseded: bool = False
    tags: dict[str, str] = {}
    occurred_at: AwareDatetime
