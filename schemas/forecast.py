"""What organizations will probably spend and ask, and when their budgets will be used up: `asahi.forecasts`."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from schemas.anomaly import Metric
from schemas.model import Event, Fraction, Name, Usd, Value
from schemas.policy import Period


class Pace(StrEnum):
    """How far it is from one point of a forecast to the next."""

    HOUR = "hour"
    DAY = "day"


class ForecastPoint(Value):
    """What is expected of one hour or day.

    Attributes:
        start: When it begins.
        mean: What is expected.
        lower: What it is at least, with 90 %.
        upper: What it is at most, with 90 %.
    """

    start: AwareDatetime
    mean: float
    lower: float
    upper: float


class ForecastMade(Event):
    """What an organization will spend or ask, in all or of one model.

    Attributes:
        version: Of this contract.
        id: Follows from organization, metric, model, step and `known_until`.
        tenant: Whose usage; also the message key.
        metric: `spend` in USD, or `requests`.
        model: Of which model's answers; absent means of all.
        step: From one point to the next.
        known_until: Up to when usage was known.
        made_at: When it was made.
        method: What was chosen; several are a weighted mean.
        values: Of how many hours or days it was learnt.
        mase: Mean absolute error of the backtest over that of "as a season ago"; absent where there was too little to
            try, or nothing to be wrong about.
        naive_mase: The same of "as a season ago" from the same origins: what is below it is worth having.
        error: Mean absolute error of the backtest, in the metric's unit.
        coverage: Share of the backtest's values that were between `lower` and `upper`; 0.8 is meant.
        points: The hours or days to come.
    """

    id: str
    tenant: Name
    metric: Metric
    model: str | None = None
    step: Pace
    known_until: AwareDatetime
    made_at: AwareDatetime
    method: str
    values: int
    mase: float | None = None
    naive_mase: float | None = None
    error: float | None = None
    coverage: Fraction | None = None
    points: tuple[ForecastPoint, ...]


class BudgetForecast(Event):
    """When a budget will be used up, and how probably.

    Attributes:
        version: Of this contract.
        id: Follows from the budget, its period and `known_until`.
        tenant: The organization; also the message key.
        scope: `tenant`, `team`, `user` or `key`.
        name: Of it within the organization.
        period: Of the budget.
        limit_usd: The budget.
        spent_usd: What its present period has used up to `known_until`.
        period_ends_at: When the present period ends; of a total, up to when it was looked ahead.
        known_until: Up to when spending was known.
        made_at: When this was found.
        probability: That it is used up before the period ends.
        exhausted_at: The hour or day by whose end it is used up in half of all cases; absent where it lasts in more
            than half of them.
        earliest_at: The same for a tenth of all cases.
        expected_usd: What will be spent when the period ends, on average.
        lower_usd: What it is at least, with 90 %.
        upper_usd: What it is at most, with 90 %.
    """

    id: str
    tenant: Name
    scope: str
    name: str
    period: Period
    limit_usd: Usd
    spent_usd: Usd
    period_ends_at: AwareDatetime
    known_until: AwareDatetime
    made_at: AwareDatetime
    probability: Fraction
    exhausted_at: AwareDatetime | None = None
    earliest_at: AwareDatetime | None = None
    expected_usd: float
    lower_usd: float
    upper_usd: float
