"""A believable recommendation, shown in AsyncAPI."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from schemas.recommendation import Confidence, RecommendationMade

_UNTIL = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)

CHEAPER_MODEL = RecommendationMade(
    id="7d793037a0760186574b0282f2f435e7",
    kind="cheaper_model",
    tenant="demo",
    task_type="classification",
    model="gpt-4-turbo",
    summary="28 requests of task type classification name gpt-4-turbo, and deepseek-v4-flash is predicted to answer "
    "them at least as well for less.",
    change='in these requests, leave out "mode": "explicit" and "model": "gpt-4-turbo", and ask for '
    '"constraints": {"min_quality": 0.9} instead',
    since=_UNTIL - timedelta(days=7),
    until=_UNTIL,
    requests=28,
    looked_at=28,
    before_usd=Decimal("0.01311"),
    after_usd=Decimal("0.00021765"),
    saving_usd=Decimal("0.01289235"),
    monthly_usd=Decimal("0.055253"),
    quality_before=0.9,
    quality_after=0.92,
    confidence=Confidence.PREDICTED,
    evidence={"would be answered by": "deepseek-v4-flash (28)"},
    query="SELECT count() AS requests, sum(cost_usd) AS cost_usd FROM results WHERE tenant = 'demo'",
    made_at=_UNTIL,
)
