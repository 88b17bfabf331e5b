"""Events of forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from agents.analytics.forecasts.exhaustion import Exhaustion
from agents.analytics.forecasts.usage import SECONDS, Limited, Made
from agents.analytics.live.usage_series import Scope, Usage
from schemas.forecast import BudgetForecast, ForecastMade, ForecastPoint
from schemas.policy import Budget
from streams.envelope import Publication, cloud_event
from streams.topics import BUDGET_FORECASTS, FORECASTS

DIGITS = 6
ALL = "*"


@dataclass(frozen=True, slots=True)
class Budgeted:
    """A budget, what its period has used, and when it ends."""

    scope: Scope
    budget: Budget
    spent: Decimal
    ends: datetime
    limited: Limited


def name_of(usage: Usage) -> str:
    """Return what tells a series from all others; the ids of its forecasts begin with it."""
    return f"{usage.tenant}/{usage.metric}/{usage.model or ALL}/{usage.past.pace}"


def id_of(one: Budgeted) -> str:
    """Return the id of the forecast of a budget, the same whenever the same spending is known."""
    scope, until = one.scope, datetime.fromtimestamp(one.limited.past.known_until, UTC)
    place = f"{scope.tenant}/{scope.kind}/{scope.name}"
    return f"{place}/{one.budget.period}/{one.budget.limit_usd:f}/{until:%Y-%m-%dT%H:%MZ}"


def forecast_made(usage: Usage, made: Made, now: float) -> ForecastMade:
    """Return the forecast of a series."""
    past = usage.past
    until = datetime.fromtimestamp(past.known_until, UTC)
    step = timedelta(seconds=SECONDS[past.pace])
    points = zip(made.mean, made.lower, made.upper, strict=True)
    return ForecastMade(
        id=f"{name_of(usage)}/{until:%Y-%m-%dT%H:%MZ}",
        tenant=usage.tenant,
        metric=usage.metric,
        model=usage.model,
        step=past.pace,
        known_until=until,
        made_at=datetime.fromtimestamp(now, UTC),
        method=made.method,
        values=len(past.values),
        mase=_rounded(made.mase),
        naive_mase=_rounded(made.naive_mase),
        error=_rounded(made.error),
        coverage=_rounded(made.coverage),
        points=tuple(
            ForecastPoint(start=until + place * step, mean=_short(mean), lower=_short(lower), upper=_short(upper))
            for place, (mean, lower, upper) in enumerate(points)
        ),
    )


def budget_forecast(one: Budgeted, found: Exhaustion, now: float) -> BudgetForecast:
    """Return when a budget is used up."""
    scope, budget = one.scope, one.budget
    until = datetime.fromtimestamp(one.limited.past.known_until, UTC)
    step = timedelta(seconds=SECONDS[one.limited.past.pace])
    return BudgetForecast(
        id=id_of(one),
        tenant=scope.tenant,
        scope=scope.kind,
        name=scope.name,
        period=budget.period,
        limit_usd=budget.limit_usd,
        spent_usd=one.spent,
        period_ends_at=one.ends,
        known_until=until,
        made_at=datetime.fromtimestamp(now, UTC),
        probability=found.probability,
        exhausted_at=None if found.date is None else found.date + step,
        earliest_at=None if found.earliest is None else found.earliest + step,
        expected_usd=_short(found.expected),
        lower_usd=_short(found.lower),
        upper_usd=_short(found.upper),
    )


def published(event: ForecastMade | BudgetForecast) -> Publication:
    """Return an event as it travels."""
    topic = FORECASTS if isinstance(event, ForecastMade) else BUDGET_FORECASTS
    value = event.model_dump_json(exclude_defaults=True).encode()
    return cloud_event(topic, event.id, event.tenant, event.made_at, value)


def _short(value: float) -> float:
    """Return a number with as many digits as a forecast may claim."""
    return float(f"{value:.{DIGITS}g}")


def _rounded(value: float | None) -> float | None:
    return None if value is None else _short(value)
