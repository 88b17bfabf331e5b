"""What a consumer gets: exactly one terminal result per request id on `asahi.results`."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import AwareDatetime, JsonValue

from schemas.model import Event, Fraction, Milliseconds, Tokens, Usd, Value
from schemas.request import TraceContext


class Status(StrEnum):
    """How a request ended."""

    COMPLETED = "completed"  # a model answered
    CACHED = "cached"  # the cache, or an identical request in flight, answered
    REJECTED = "rejected"  # asked for something it may not have, or malformed
    FAILED = "failed"  # no provider could answer
    EXPIRED = "expired"  # its deadline passed first


class Lane(StrEnum):
    """How urgently a request travels."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Output(Value):
    """The answer."""

    content: str | None = None
    tool_calls: list[dict[str, JsonValue]] | None = None
    finish_reason: str | None = None


class TokenUsage(Value):
    """Tokens as billed. `input_tokens` includes `cached_input_tokens`; `output_tokens` includes reasoning."""

    input_tokens: Tokens = 0
    cached_input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    reasoning_tokens: Tokens = 0


class Baseline(Value):
    """What the same tokens would have cost at the tenant's reference model."""

    model: str
    cost_usd: Usd


class Savings(Value):
    """Baseline minus cost, by cause; the causes sum exactly to the difference. Negative means extra cost."""

    cache_exact: Usd | None = None
    cache_shared_flight: Usd | None = None
    routing: Usd | None = None


class Decision(Value):
    """Why this model.

    Attributes:
        rule: The rule that decided, e.g. `cheapest_meeting_constraints`.
        reason: One sentence for people.
        expected_cost_usd: Predicted before the call.
        predicted_quality: In [0, 1].
        lost: Why each other candidate lost, by model name.
    """

    rule: str
    reason: str
    expected_cost_usd: Usd | None = None
    predicted_quality: Fraction | None = None
    lost: dict[str, str] = {}


class CacheHit(Value):
    """Where a cached answer came from."""

    tier: str
    source_request_id: str
    age_seconds: float


class Problem(Value):
    """Why there is no answer, and what to do about it."""

    code: str
    message: str
    remedy: str
    field: str | None = None
    retry_after_seconds: float | None = None


class Result(Event):
    """The terminal result of one request; `id` is the request's id.

    Attributes:
        request_digest: Hex BLAKE2b-128 of the canonical request; tells a repeated request from a different
            one under the same id.
        stages_ms: Milliseconds spent per stage.
        attempts: Provider calls made for this request, failed ones included.
    """

    id: str
    tenant: str | None = None
    user: str | None = None
    status: Status
    output: Output | None = None
    model: str | None = None
    provider: str | None = None
    lane: Lane | None = None
    task_type: str | None = None
    usage: TokenUsage = TokenUsage()
    cost_usd: Usd = Decimal(0)
    baseline: Baseline | None = None
    savings: Savings = Savings()
    decision: Decision | None = None
    cache: CacheHit | None = None
    error: Problem | None = None
    stages_ms: dict[str, Milliseconds] = {}
    latency_ms: Milliseconds = 0.0
    attempts: int = 0
    tags: dict[str, str] = {}
    trace: TraceContext | None = None
    request_digest: str | None = None
    received_at: AwareDatetime
    completed_at: AwareDatetime
