"""One believable event of each kind, shown in AsyncAPI and the docs."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from schemas.audit import Audit
from schemas.audit_chain import AuditCheckpoint, AuditLinks, ChainEnd
from schemas.deadletter import DeadLetter
from schemas.feedback import Feedback
from schemas.request import Constraints, Message, Mode, Request, Role, Sampling
from schemas.result import (
    Baseline,
    CacheHit,
    Decision,
    Expected,
    Lane,
    Output,
    Problem,
    Result,
    Savings,
    Status,
    TokenUsage,
)
from schemas.survey import Survey
from schemas.usage import Usage
from streams.contract.analytics_examples import ANALYTICS
from streams.contract.fact_examples import FACTS

_RECEIVED = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)
_COMPLETED = datetime(2026, 11, 23, 8, 0, 0, 742_000, tzinfo=UTC)
_DIGEST = "5d41402abc4b2a76b9719d911017c592"
_HEAD = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_RECORD = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
_SURVEY = "1c7a92ae351d4e21e7d8a9c2b7f04c53"
_MODELS = "2026-11-20/5d41402a"
_TOKENS = TokenUsage(input_tokens=24, output_tokens=50)
_COST = Decimal("0.0000336")
_BASELINE = Decimal("0.00174")
_NOT_JSON = b'{"tenant": "demo", "prompt": "Good morning'

EXAMPLES: dict[type[BaseModel], dict[str, BaseModel]] = {
    Request: {
        "prompt": Request(id="order-1017", tenant="demo", prompt="Summarise: the parcel arrived wet."),
        "conversation": Request(
            id="order-1018",
            tenant="demo",
            user="amara",
            messages=[
                Message(role=Role.SYSTEM, content="Answer in one word."),
                Message(role=Role.USER, content="Is the customer angry?"),
            ],
            sampling=Sampling(temperature=0, max_output_tokens=5),
            constraints=Constraints(min_quality=0.85, max_cost_usd=Decimal("0.001")),
            task_type="classification",
            tags={"team": "returns"},
        ),
        "explicit_with_deadline": Request(
            id="night/000042",
            tenant="demo",
            prompt="Translate to Welsh: good night.",
            mode=Mode.EXPLICIT,
            model="gpt-4o-mini",
            constraints=Constraints(deadline=datetime(2026, 11, 24, 6, 0, 0, tzinfo=UTC)),
        ),
    },
    Result: {
        "completed": Result(
            id="order-1017",
            tenant="demo",
            status=Status.COMPLETED,
            output=Output(content="A parcel arrived wet.", finish_reason="stop"),
            model="gpt-4o-mini",
            provider="simulated",
            lane=Lane.INTERACTIVE,
            usage=_TOKENS,
            cost_usd=_COST,
            baseline=Baseline(model="gpt-4-turbo", cost_usd=_BASELINE),
            savings=Savings(routing=_BASELINE - _COST),
            decision=Decision(
                rule="cheapest_meeting_constraints",
                reason="gpt-4o-mini is the cheapest of 2 models that meet the constraints.",
                expected_cost_usd=Decimal("0.000159"),
                predicted_quality=0.85,
                input_tokens=24,
                models=_MODELS,
                survey=_SURVEY,
            ),
            stages_ms={"governance": 0.1, "cache": 0.1, "routing": 0.1, "providers": 730.2, "accounting": 2.5},
            latency_ms=742.0,
            attempts=1,
            request_digest=_DIGEST,
            received_at=_RECEIVED,
            completed_at=_COMPLETED,
        ),
        "cached": Result(
            id="order-1019",
            tenant="demo",
            status=Status.CACHED,
            output=Output(content="A parcel arrived wet.", finish_reason="stop"),
            model="gpt-4o-mini",
            provider="simulated",
            lane=Lane.INTERACTIVE,
            baseline=Baseline(model="gpt-4-turbo", cost_usd=_BASELINE),
            savings=Savings(cache_exact=_BASELINE),
            cache=CacheHit(tier="exact", source_request_id="order-1017", age_seconds=61.5),
            latency_ms=8.0,
            request_digest=_DIGEST,
            received_at=_RECEIVED,
            completed_at=_COMPLETED,
        ),
        "rejected": Result(
            id="order-1020",
            tenant="demo",
            status=Status.REJECTED,
            error=Problem(
                code="unknown_field",
                message="promt: extra inputs are not permitted",
                remedy="remove promt or correct its spelling; then send the request under a new id",
                field="promt",
            ),
            request_digest=_DIGEST,
            received_at=_RECEIVED,
            completed_at=_COMPLETED,
        ),
    },
    Usage: {
        "call": Usage(
            id="0f8fad5bd9cb469fa16570867728950e",
            request_id="order-1017",
            tenant="demo",
            model="gpt-4o-mini",
            provider="simulated",
            lane=Lane.INTERACTIVE,
            usage=_TOKENS,
            cost_usd=_COST,
            price_list="2026-11-23/1f2e3d4c5b6a",
            latency_ms=730.2,
            occurred_at=_RECEIVED,
        ),
    },
    Audit: {
        "rejection": Audit(
            id="rejection/demo/order-1020",
            tenant="demo",
            actor="governance",
            action="request_rejected",
            subject="order-1020",
            outcome="rejected",
            reason="unknown_field: promt: extra inputs are not permitted",
            occurred_at=_RECEIVED,
        ),
    },
    AuditLinks: {
        "opening": AuditLinks(
            id="log-2/3/opening",
            cluster="log-2",
            partition=3,
            sequence=0,
            previous=_HEAD,
            head=_HEAD,
            follows=ChainEnd(cluster="log-1", sequence=1042, head=_RECORD),
            sealed_at=_RECEIVED,
        ),
        "two_records": AuditLinks(
            id="log-2/3/1",
            cluster="log-2",
            partition=3,
            sequence=1,
            previous=_HEAD,
            offsets=(0, 1),
            digests=(_RECORD, _RECORD[::-1]),
            head=_HEAD[::-1],
            sealed_at=_COMPLETED,
        ),
    },
    AuditCheckpoint: {
        "signed": AuditCheckpoint(
            id="5f0c9a1b2d3e4f60/17",
            cluster="log-2",
            partition=3,
            sequence=2,
            next_offset=2,
            head=_HEAD[::-1],
            journal="5f0c9a1b2d3e4f60",
            entry=17,
            previous=_RECORD,
            key_id=_HEAD[:32],
            signed_at=_COMPLETED,
            signature=base64.b64encode(bytes(64)).decode(),
        ),
    },
    Survey: {
        "two_models": Survey(
            id=_SURVEY,
            tenant="demo",
            models=_MODELS,
            candidates={
                "gpt-4o-mini": Expected(quality=0.85, cost_usd=Decimal("0.000159")),
                "gpt-4-turbo": Expected(quality=0.95, cost_usd=Decimal("0.00792")),
            },
            lost={"gpt-4-turbo": "costs more"},
            taken_at=_RECEIVED,
        ),
    },
    Feedback: {
        "grade": Feedback(id="grade-1", request_id="order-1017", tenant="demo", grade=1.0, occurred_at=_COMPLETED),
    },
    **ANALYTICS,
    DeadLetter: {
        "not_json": DeadLetter(
            id="asahi.requests/3/51966/0",
            source_topic="asahi.requests",
            source_partition=3,
            source_offset=51_966,
            stage="governance",
            code="invalid_json",
            reason="prompt: EOF while parsing a string at line 1 column 43",
            remedy="send UTF-8 JSON as a JSON encoder writes it",
            field="prompt",
            key="demo",
            value_base64=base64.b64encode(_NOT_JSON).decode(),
            size=len(_NOT_JSON),
            occurred_at=_RECEIVED,
        ),
    },
    **FACTS,
}


def payloads(model: type[BaseModel]) -> dict[str, Any]:
    """Return the examples of an event by name, as they travel: JSON with the defaults left out."""
    return {
        name: json.loads(example.model_dump_json(exclude_defaults=True)) for name, example in EXAMPLES[model].items()
    }
