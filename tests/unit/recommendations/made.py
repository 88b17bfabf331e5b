"""Cases, and terms with the pipeline's real decisions over models of simple numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from agents.recommend.asking import BudgetPeriods, CacheAgain, LanesAgain, RouterAgain
from agents.recommendations.cases import Case
from agents.recommendations.kind import Kind, recommend
from agents.recommendations.terms import Graded, Period, Scope, Terms
from schemas.effective_policy import UNRESTRICTED, EffectivePolicy
from schemas.policy import Budget
from schemas.prices import cost_of
from schemas.recommendation import RecommendationMade
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.result import Check, Decision, Lane, Output, Result, Status, TokenUsage
from schemas.settings import ProviderSettings, RecommendationSettings, RoutingSettings, Settings, WindowSettings
from schemas.tenant import TenantRegistered
from tests.flow.models import a_model, a_registry

SINCE = datetime(2026, 11, 20, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=7)
TENANT = TenantRegistered(tenant="acme", reference_model="big", cache_ttl_seconds=100.0)
TOKENS = TokenUsage(input_tokens=1000, output_tokens=200)
REGISTRY = a_registry(
    a_model("big", quality={"default": 0.9}, price={"input": 10, "cached_input": 1, "output": 30}),
    a_model("rival", quality={"default": 0.92}, price={"input": 1, "output": 3, "batch": 0.5}, providers=["open"]),
    a_model("small", quality={"default": 0.6}, price={"input": "0.1", "output": "0.5"}),
)
PROVIDERS = {
    "east": ProviderSettings(kind="simulated"),
    "west": ProviderSettings(kind="openai", batches="openai"),
    "open": ProviderSettings(kind="openai"),
}


def terms(
    registry: ModelRegistry = REGISTRY,
    *,
    least: int = 1,
    graded: Mapping[tuple[str, str, str], Graded] | None = None,
    budgets: Mapping[Scope, tuple[Budget, ...]] | None = None,
    batch_lane: bool = False,
    first: datetime | None = SINCE,
    routing: RoutingSettings | None = None,
) -> Terms:
    """Return terms of a week."""
    settings = Settings(
        providers=PROVIDERS,
        recommendations=RecommendationSettings(least_requests=least),
        windows=WindowSettings(batch_lane=batch_lane),
        routing=routing or RoutingSettings(expected_output_tokens=100),
    )
    return Terms(
        Period(SINCE, UNTIL, first, settings.recommendations.least_seconds),
        UNTIL,
        settings,
        registry,
        RouterAgain(registry, settings.routing),
        CacheAgain(),
        LanesAgain(settings.windows, settings.batches),
        BudgetPeriods(),
        graded or {},
        budgets or {},
    )


def case(
    number: int = 0,
    *,
    at: float = 0.0,
    took: float = 1.0,
    model: str = "rival",
    rule: str = "cheapest_meeting_constraints",
    tokens: TokenUsage = TOKENS,
    finish: str | None = "stop",
    more: Decimal = Decimal(0),
    checks: Sequence[Check] = (),
    lane: Lane = Lane.INTERACTIVE,
    registry: ModelRegistry = REGISTRY,
    tenant: TenantRegistered = TENANT,
    policy: EffectivePolicy = UNRESTRICTED,
    quality: float = 0.9,
    **fields: Any,
) -> Case:
    """Return a request with its result; `more` is what other calls cost."""
    if rule == "explicit_model":
        fields |= {"mode": "explicit", "model": model}
    if "messages" not in fields:
        fields.setdefault("prompt", f"question {number}")
    request = Request.model_validate({"id": f"r{number}", "tenant": tenant.tenant, **fields})
    spec = registry.get(model)
    assert spec is not None
    received = SINCE + timedelta(seconds=at)
    result = Result(
        id=request.id,
        tenant=request.tenant,
        status=Status.COMPLETED,
        output=Output(content="an answer", finish_reason=finish),
        model=model,
        provider=spec.providers[0],
        lane=lane,
        task_type=request.task_type,
        usage=tokens,
        cost_usd=cost_of(tokens, spec.price, batch=lane is Lane.BATCH) + more,
        decision=Decision(rule=rule, reason="as it was", predicted_quality=quality),
        checks=list(checks),
        received_at=received,
        completed_at=received + timedelta(seconds=took),
    )
    return Case(request, result, tenant, policy)


def naming(model: str, number: int = 0, **fields: Any) -> Case:
    """Return a request that names its model."""
    return case(number, model=model, rule="explicit_model", **fields)


def made(kind: Kind, facts: Sequence[Any], on: Terms | None = None, portion: int = 3) -> list[RecommendationMade]:
    """Return what a kind recommends, told its facts in portions."""
    portions = [facts[start : start + portion] for start in range(0, len(facts), portion)]
    return [found.made for found in recommend(kind, portions, on or terms())]
