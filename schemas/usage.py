"""What a paid provider call used and cost: one event per call on `asahi.usage`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.model import Event, Milliseconds, Usd
from schemas.result import Lane, TokenUsage


class Usage(Event):
    """One paid provider call; `id` is the call's id, unique per call actually made.

    Attributes:
        version: Of this contract.
        id: Of the call, unique per call actually made.
        request_id: The request it was made for.
        tenant: Who pays.
        user: The request's user.
        model: The model called.
        provider: The provider called.
        lane: How urgently the request travelled.
        task_type: The request's task type.
        attempt: Which attempt of the request this was, from 1.
        usage: Tokens as billed.
        cost_usd: In US dollars.
        price_list: Which dated price list `cost_usd` was computed with.
        latency_ms: Milliseconds the call took.
        superseded: The call was paid for, but its request already had a result.
        tags: The request's tags.
        occurred_at: When the call began.
        batch: Whether the call was made in the provider's batch lane.
        revision: Counts corrections of the cost; of the same `id` the highest revision holds.
        team: The team whose budgets the request counted against.
        key_id: The key under which the request was signed.
        step: The step of the request that the call was made for; absent where it was for the request itself.
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
    batch: bool = False
    revision: Annotated[int, Field(ge=0)] = 0
    team: str | None = None
    key_id: str | None = None
    step: str | None = None
