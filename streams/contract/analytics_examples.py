"""One believable event of each kind that analysis tells: the analyst, and recommendations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from schemas.anomaly import (
    AnomaliesMuted,
    AnomalyAcknowledged,
    AnomalyEnded,
    AnomalyOpened,
    Contribution,
    Metric,
)
from schemas.forecast import BudgetForecast, ForecastMade, ForecastPoint, Pace
from schemas.minute import MinuteClosed
from schemas.policy import Period
from streams.contract.recommended import CHEAPER_MODEL

_START = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)
_ANOMALY = "demo/spend/2026-11-23T08:00Z"
_STRANGE: dict[str, Any] = {
    "anomaly": _ANOMALY,
    "tenant": "demo",
    "metric": Metric.SPEND,
    "start": _START,
    "severity": 0.91,
    "unit": "USD per minute",
    "observed": 3.2,
    "expected": 0.4,
    "lower": 0.1,
    "upper": 0.7,
    "contributions": (Contribution(dimension="user", value="amara", before=0.02, now=2.8, share=0.99),),
}

ANALYTICS: dict[type[BaseModel], dict[str, BaseModel]] = {
    AnomalyOpened: {
        "spend": AnomalyOpened(
            id=f"{_ANOMALY}/opened",
            **_STRANGE,
            title="Spend of demo is up: $3.20 a minute instead of $0.40 a minute, 8 times as much",
            text="Spend of demo is up: $3.20 a minute instead of $0.40 a minute, 8 times as much.\n\n"
            "What moved it:\n- user amara: 99 % of the change, from $0.02 a minute to $2.80 a minute",
            detected_at=_START + timedelta(minutes=2, seconds=5),
        ),
    },
    AnomalyEnded: {
        "spend_ended": AnomalyEnded(
            id=f"{_ANOMALY}/ended",
            **_STRANGE,
            title="Spend of demo is as usual again after 12 minutes",
            text="Spend of demo is as usual again after 12 minutes.",
            detected_at=_START + timedelta(minutes=22, seconds=5),
            end=_START + timedelta(minutes=12),
        ),
    },
    AnomalyAcknowledged: {
        "acknowledged": AnomalyAcknowledged(
            id=f"{_ANOMALY}/acknowledged/0f8fad5b",
            anomaly=_ANOMALY,
            tenant="demo",
            acknowledged_by="noor",
            reason="a test of amara's that ran wild; stopped",
            acknowledged_at=_START + timedelta(minutes=9),
        ),
    },
    AnomaliesMuted: {
        "mute": AnomaliesMuted(
            id="mute/demo/0f8fad5b",
            tenant="demo",
            metric=Metric.SPEND,
            until=_START + timedelta(hours=4),
            muted_by="noor",
            reason="the year's evaluation runs",
            muted_at=_START,
        ),
    },
    ForecastMade: {
        "spend": ForecastMade(
            id="demo/spend/*/hour/2026-11-23T08:00Z",
            tenant="demo",
            metric=Metric.SPEND,
            step=Pace.HOUR,
            known_until=_START,
            made_at=_START + timedelta(seconds=12),
            method="0.62 ETS + 0.38 Theta",
            values=672,
            mase=0.71,
            naive_mase=1.02,
            error=0.38,
            coverage=0.81,
            points=(
                ForecastPoint(start=_START, mean=4.1, lower=3.5, upper=4.8),
                ForecastPoint(start=_START + timedelta(hours=1), mean=4.6, lower=3.9, upper=5.5),
            ),
        ),
    },
    BudgetForecast: {
        "month": BudgetForecast(
            id="demo/tenant/demo/month/250/2026-11-23T08:00Z",
            tenant="demo",
            scope="tenant",
            name="demo",
            period=Period.MONTH,
            limit_usd=Decimal(250),
            spent_usd=Decimal("211.70"),
            period_ends_at=datetime(2026, 12, 1, tzinfo=UTC),
            known_until=_START,
            made_at=_START + timedelta(seconds=12),
            probability=0.93,
            exhausted_at=datetime(2026, 11, 27, tzinfo=UTC),
            earliest_at=datetime(2026, 11, 26, tzinfo=UTC),
            expected_usd=284.0,
            lower_usd=258.0,
            upper_usd=311.0,
        ),
    },
    MinuteClosed: {
        "minute": MinuteClosed(
            id="2026-11-23T08:00Z", start=_START, up=True, closed_at=_START + timedelta(minutes=1, seconds=5)
        ),
    },
    type(CHEAPER_MODEL): {"cheaper_model": CHEAPER_MODEL},
}
