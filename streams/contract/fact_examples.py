"""One believable fact of each kind on `asahi.governance`, shown in AsyncAPI and the docs."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import BaseModel

from schemas.governance import (
    CacheEvicted,
    DataKeyDestroyed,
    DataKeyIssued,
    KeyIssued,
    TeamRegistered,
    UserRegistered,
)
from schemas.policy import Budget, Period, Policy, Rates
from schemas.tenant import TenantLimits, TenantRegistered

_RECEIVED = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)

FACTS: dict[type[BaseModel], dict[str, BaseModel]] = {
    TenantRegistered: {
        "tenant": TenantRegistered(
            tenant="demo",
            reference_model="gpt-4-turbo",
            limits=TenantLimits(requests_per_minute=6000, max_output_tokens=4096),
            registered_at=_RECEIVED,
        ),
    },
    TeamRegistered: {
        "team": TeamRegistered(
            tenant="demo",
            team="returns",
            policy=Policy(allowed_models=("gpt-4o-mini",)),
            budgets=(Budget(period=Period.MONTH, limit_usd=Decimal(250)),),
            changed_by="noor",
            reason="began on Monday",
            changed_at=_RECEIVED,
        ),
    },
    UserRegistered: {
        "user": UserRegistered(
            tenant="demo", user="amara", team="returns", rates=Rates(requests_per_minute=60), changed_at=_RECEIVED
        ),
    },
    KeyIssued: {
        "key": KeyIssued(
            tenant="demo",
            key_id="k7f3m2q9x4t8w1z6",
            user="amara",
            secret_hash="0f" * 32,
            signing_key=base64.b64encode(bytes(60)).decode(),
            issued_at=_RECEIVED,
            expires_at=_RECEIVED.replace(year=2027),
            changed_by="noor",
            reason="the returns desk",
        ),
    },
    DataKeyIssued: {
        "datakey": DataKeyIssued(
            tenant="demo",
            key_id="0f" * 16,
            user="amara",
            public_key=base64.b64encode(bytes(range(32))).decode(),
            issued_at=_RECEIVED,
            changed_by="noor",
            reason="her prompts are hers",
        ),
    },
    DataKeyDestroyed: {
        "destroyed-datakey": DataKeyDestroyed(
            tenant="demo",
            key_id="0f" * 16,
            user="amara",
            destroyed_at=_RECEIVED,
            changed_by="noor",
            reason="she asked",
        ),
    },
    CacheEvicted: {
        "evicted-answer": CacheEvicted(
            tenant="demo",
            selector="request-ticket-1041",
            evicted_at=_RECEIVED,
            changed_by="noor",
            reason="it quotes the old prices",
        ),
    },
}
