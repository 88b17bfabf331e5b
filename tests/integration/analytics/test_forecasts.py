"""Forecasts of what is in ClickHouse, and of a budget, on the log and in the tables."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from agents.analytics.commands.forecast import look
from schemas.forecast import Pace
from schemas.policy import Budget, Period
from schemas.settings import Settings
from schemas.tenant import TenantRegistered
from streams.envelope import cloud_event
from streams.topics import BUDGET_FORECASTS, FORECASTS, GOVERNANCE, USAGE
from streams.warehouse.client import Warehouse
from tests.integration.analytics.clock import Clock, judging
from tests.integration.analytics.history import ids, results, told
from tests.integration.sink.events import COST, publish, usage_event
from tests.integration.sink.running import eventually, running
from tests.integration.warehouse.databases import count

TENANT = "demo"
HOURS = 80
LIMIT = Decimal("0.000000000001")


async def test_usage_and_budgets_are_forecast_once_an_hour(settings: Settings, warehouse: Warehouse) -> None:
    hour = int(datetime.now(UTC).timestamp()) // 3600
    first, last = (hour - HOURS) * 60, hour * 60 - 1
    await results(warehouse, TENANT, first, last, 0.5, 0.01)
    budget = Budget(period=Period.TOTAL, limit_usd=LIMIT)
    fact = TenantRegistered(tenant=TENANT, reference_model="large", budgets=(budget,))
    event = cloud_event(GOVERNANCE, "fact", TENANT, datetime.now(UTC), fact.model_dump_json().encode())
    await publish(settings, GOVERNANCE, [event], 0)
    await publish(settings, USAGE, [usage_event(number) for number in range(3)])
    analytics = settings.analytics.model_copy(update={"warm_up_days": 1, "forecast_methods": 3})
    settings = settings.model_copy(update={"analytics": analytics})
    clock = Clock(hour * 60 + 1)

    async with running(settings):

        async def archived() -> bool:
            return await count(warehouse, "tenants") == 1 and await count(warehouse, "usage") == 3

        await eventually(archived)
        async with judging(settings, clock):

            async def forecast() -> bool:
                return await count(warehouse, "forecasts_store FINAL", "step = 'day'") == 6

            await eventually(forecast)
        async with judging(settings, clock) as again:

            async def seen() -> bool:
                return again.forecast_rounds == 1

            await eventually(seen)
        events = await told(settings, TENANT, FORECASTS)
    made = [event for kind, event in events if kind == FORECASTS.ce_type]
    assert len(set(ids(events))) == len(made) + 1, "a successor forecasts nothing that was forecast"
    assert len(made) == 12, "spend and requests, in all and of two models, by hour and day"
    spend = next(each for each in made if each["id"].startswith(f"{TENANT}/spend/*/{Pace.HOUR}"))
    assert len(spend["points"]) == 48
    assert spend["points"][0]["start"] == spend["known_until"]
    assert spend["values"] == HOURS
    assert 0.2 < spend["points"][0]["mean"] < 0.4
    assert spend["points"][0]["lower"] <= spend["points"][0]["mean"] <= spend["points"][0]["upper"]
    (row,) = await warehouse.rows(
        "SELECT coverage, mean FROM forecasts WHERE id = {id:String} ORDER BY start LIMIT 1", {"id": spend["id"]}
    )
    assert row["mean"] == spend["points"][0]["mean"]
    assert row["coverage"] == spend["coverage"]
    budgets = [event for kind, event in events if kind == BUDGET_FORECASTS.ce_type]
    assert {each["limit_usd"] for each in budgets} == {f"{LIMIT:f}"}
    assert budgets[0]["spent_usd"] == f"{3 * COST:f}"
    async with running(settings):

        async def there() -> bool:
            return await count(warehouse, "budget_forecasts") == 1

        await eventually(there)
    series, ahead = await look(settings, {"tenant": TENANT, "step": "hour", "limit": 50})
    assert [(row["metric"], row["model"]) for row in series][:3] == [
        ("spend", ""),
        ("spend", "small"),
        ("spend", "large"),
    ]
    assert len(series) == 6
    assert [row["limit_usd"] for row in ahead] == [LIMIT]
    (row,) = await warehouse.rows("SELECT limit_usd, spent_usd, probability FROM budget_forecasts")
    assert (row["limit_usd"], row["spent_usd"]) == (LIMIT, 3 * COST)
    assert row["probability"] == budgets[0]["probability"]
