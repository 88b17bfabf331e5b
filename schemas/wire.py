"""Public events as the stages write them: msgspec twins of the pydantic contract.

`schemas.result.Result`, `schemas.usage.Usage` and `schemas.audit.Audit` are the contract: they generate the JSON
Schema and read events. Writing them costs 18 microseconds each; these twins cost two. A test holds every twin to its
contract, field by field and through a round trip. Money is a plain decimal string, as `plain` writes it.
The garbage collector need not look at them (`gc=False`): they hold no cycles, and there are many.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from schemas.policy import PersonalDataMode
from schemas.result import Lane, Status
from schemas.wire_form import TakenRecord as TakenRecord  # parts of this module for those who import them
from schemas.wire_form import Wire as Wire
from schemas.wire_form import plain as plain

_json = msgspec.json.Encoder()


ONE_CALL = 1.0
"""A field is left out when it is written where it holds the object of its default."""


class ExpectedRecord(Wire, frozen=True, gc=False):
    """Twin of `Expected`."""

    quality: float
    cost_usd: str
    cached_input_tokens: int = 0
    output_tokens: int | None = None
    calls: float = ONE_CALL


class StepRecord(Wire, frozen=True, gc=False):
    """Twin of `CascadeStep`."""

    model: str
    escalation: float | None = None


NO_CANDIDATES = msgspec.Raw(b"{}")
"""Left out when a decision is written."""


class Choice(Wire, frozen=True, gc=False):
    """Twin of `Decision`: why this model.

    It travels as JSON, encoded where the decision is made: many requests share one, nobody on the way reads it, and
    as objects its reasons would be built and taken apart at every stage. The candidates are JSON from the start, an
    object of `ExpectedRecord`s by name.
    """

    rule: str
    reason: str
    expected_cost_usd: str | None = None
    predicted_quality: float | None = None
    lost: dict[str, str] = {}
    candidates: msgspec.Raw = NO_CANDIDATES
    input_tokens: int | None = None
    models: str | None = None
    utility_lambda: float | None = None
    steps: list[StepRecord] = []
    accept: float | None = None
    task_type: str | None = None
    task_confidence: float | None = None
    min_quality: float | None = None
    survey: str | None = None
    marked_tokens: int = 0

    def encoded(self) -> bytes:
        """Return the JSON."""
        return _json.encode(self)


class SurveyRecord(Wire, frozen=True, gc=False):
    """Twin of `Survey`."""

    id: str
    tenant: str
    taken_at: datetime
    models: str | None = None
    candidates: msgspec.Raw = NO_CANDIDATES
    lost: dict[str, str] = {}
    version: int = 1


class CheckRecord(Wire, frozen=True, gc=False):
    """Twin of `Check`; travels inside completions too."""

    model: str
    accepted: bool
    reason: str
    probability: float | None = None
    delivered_because: str | None = None


NO_DECISION = msgspec.Raw(b"null")
"""Left out when a result is written."""


class Tokens(Wire, frozen=True, gc=False):
    """Twin of `TokenUsage`: input includes cached and written, output includes reasoning."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    input_audio_tokens: int = 0
    cached_audio_tokens: int = 0
    output_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_image_tokens: int = 0
    web_searches: int = 0


class Answer(Wire, frozen=True, gc=False):
    """Twin of `Output`: what the model said."""

    content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    finish_reason: str | None = None


class BaselineRecord(Wire, frozen=True, gc=False):
    """Twin of `Baseline`."""

    model: str
    cost_usd: str


class SavingsRecord(Wire, frozen=True, gc=False):
    """Twin of `Savings`."""

    cache_exact: str | None = None
    cache_shared_flight: str | None = None
    routing: str | None = None
    batch_lane: str | None = None
    provider_cache: str | None = None
    compression: str | None = None
    cache_semantic: str | None = None
    cache_intermediate: str | None = None


class HitRecord(Wire, frozen=True, gc=False):
    """Twin of `CacheHit`."""

    tier: str
    source_request_id: str
    age_seconds: float
    similarity: float | None = None
    probability: float | None = None
    error_bound: float | None = None


class ProblemRecord(Wire, frozen=True, gc=False):
    """Twin of `Problem`."""

    code: str
    message: str
    remedy: str
    field: str | None = None
    retry_after_seconds: float | None = None


class TraceRecord(Wire, frozen=True, gc=False):
    """Twin of `TraceContext`."""

    traceparent: str
    tracestate: str | None = None


class PersonalDataRecord(Wire, frozen=True, gc=False):
    """Twin of `PersonalData`."""

    mode: PersonalDataMode
    types: dict[str, int] = {}
    unchecked: bool = False


class SealedRecord(Wire, frozen=True, gc=False):
    """Twin of `SealedOutput`; without content until the result is written."""

    key: str
    content: str | None = None


def sealed_under(data_key: str | None) -> SealedRecord | None:
    """Return what says under which key a result is to be sealed; None when it is not."""
    return None if data_key is None else SealedRecord(data_key)


class ResultRecord(Wire, frozen=True, gc=False):
    """Twin of `Result`."""

    id: str
    status: Status
    cost_usd: str
    received_at: datetime
    completed_at: datetime
    tenant: str | None = None
    user: str | None = None
    output: Answer | None = None
    model: str | None = None
    provider: str | None = None
    lane: Lane | None = None
    task_type: str | None = None
    usage: Tokens = Tokens()
    baseline: BaselineRecord | None = None
    savings: SavingsRecord = SavingsRecord()
    decision: msgspec.Raw = NO_DECISION
    cache: HitRecord | None = None
    error: ProblemRecord | None = None
    stages_ms: dict[str, float] = {}
    latency_ms: float = 0.0
    attempts: int = 0
    tags: dict[str, str] = {}
    trace: TraceRecord | None = None
    request_digest: str | None = None
    version: int = 1
    checks: list[CheckRecord] = []
    personal_data: PersonalDataRecord | None = None
    injection: list[str] = []
    sealed: SealedRecord | None = None
    team: str | None = None
    steps: list[TakenRecord] = []


class UsageRecord(Wire, frozen=True, gc=False):
    """Twin of `Usage`."""

    id: str
    request_id: str
    tenant: str
    model: str
    provider: str
    lane: Lane
    usage: Tokens
    cost_usd: str
    price_list: str
    latency_ms: float
    occurred_at: datetime
    user: str | None = None
    task_type: str | None = None
    attempt: int = 1
    superseded: bool = False
    tags: dict[str, str] = {}
    version: int = 1
    batch: bool = False
    revision: int = 0
    team: str | None = None
    key_id: str | None = None
    step: str | None = None


class AuditRecord(Wire, frozen=True, gc=False):
    """Twin of `Audit`."""

    id: str
    actor: str
    action: str
    subject: str
    outcome: str
    reason: str
    occurred_at: datetime
    tenant: str | None = None
    version: int = 1


class DeadLetterRecord(Wire, frozen=True, gc=False):
    """Twin of `DeadLetter`."""

    id: str
    source_topic: str
    source_partition: int
    source_offset: int
    stage: str
    code: str
    reason: str
    remedy: str
    value_base64: str
    size: int
    occurred_at: datetime
    field: str | None = None
    key: str | None = None
    truncated: bool = False
    traceback: str | None = None
    version: int = 1
