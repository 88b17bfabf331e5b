"""Forecasting when an hour is over: in another process, the biggest spenders first, and no longer than allowed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from decimal import Decimal

from aiokafka.errors import KafkaError

from agents.analytics.forecasts.present import present
from agents.analytics.forecasts.usage import SECONDS, Limited, Past, all_exhausted, all_made, pace_until, past_of
from agents.analytics.live.aside import Aside
from agents.analytics.live.forecast_events import Budgeted, budget_forecast, forecast_made, id_of, name_of, published
from agents.analytics.live.usage_series import (
    HOURS_PER_DAY,
    Scope,
    Usage,
    budgeted,
    down_hours,
    down_steps,
    moment_of,
    spent_by_hour,
    usage_series,
)
from schemas.errors import BrokerUnavailable, WarehouseError, WarehouseUnavailable
from schemas.forecast import BudgetForecast, ForecastMade, Pace
from schemas.prices import NOTHING
from schemas.settings import Settings
from streams.log import Log
from streams.partitioning import home_partition
from streams.topics import FORECASTS
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
AT_ONCE = 8
"""Series in one call of the other process: between two calls it is seen whether there is time left."""
MAX_ERROR_CHARS = 300
PASSING = (BrokerUnavailable, BrokenProcessPool, KafkaError, WarehouseError, WarehouseUnavailable)
TOLD = """
SELECT id, known_until FROM forecasts_store WHERE known_until >= {since:DateTime64(6, 'UTC')}
"""

TOLD_OF_BUDGETS = """
SELECT DISTINCT ce_id AS id FROM archive_store
WHERE topic = 'asahi.forecasts' AND ce_type = 'asahi.budget.forecast.v1'
  AND timestamp >= {since:DateTime64(6, 'UTC')}
"""


class Forecasting:
    """Forecasts what the organizations of some partitions will use, and when their budgets will be used up.

    Args:
        settings: How often, how much, and how long.
        log: Where to tell.
        warehouse: Where usage is.
        aside: The other process.
        clock: Returns Unix seconds.
        progress: Returns the last minute that is judged, and the partitions that are here; None for nothing yet.
    """

    def __init__(
        self,
        settings: Settings,
        log: Log,
        warehouse: Warehouse,
        aside: Aside,
        clock: Callable[[], float],
        progress: Callable[[], tuple[int, frozenset[int]] | None],
    ) -> None:
        self._settings = settings
        self._limits = settings.analytics
        self._log = log
        self._warehouse = warehouse
        self._aside = aside
        self._clock = clock
        self._progress = progress
        self._done: dict[str, int] = {}
        self._budgets_done: set[str] = set()
        self._remembers = False
        self.rounds = 0

    async def run(self) -> None:
        """Forecast whenever an hour is over, for ever."""
        last_done: tuple[int, frozenset[int]] | None = None
        while True:
            progress = self._progress()
            if progress is not None:
                hour = (progress[0] + 1) // 60 - 1
                due = last_done is None or progress[1] != last_done[1]
                if due or (last_done is not None and hour >= last_done[0] + self._limits.forecast_hours):
                    try:
                        with self._aside.kept():
                            await self._round(hour, progress[1])
                        last_done = (hour, progress[1])
                        self.rounds += 1
                    except PASSING as away:
                        error = str(away)[:MAX_ERROR_CHARS]
                        logger.warning("cannot forecast; trying again", extra={"error": error})
            await asyncio.sleep(LOOK_SECONDS)

    async def _round(self, hour: int, partitions: frozenset[int]) -> None:
        began, told = time.monotonic(), 0
        deadline = began + self._limits.forecast_seconds
        down = await down_hours(self._warehouse, hour)
        await self._know_what_was_told(hour)
        budgets = await self._budgets(hour, partitions, down, deadline)
        for pace, last in ((Pace.HOUR, hour), (Pace.DAY, (hour + 1) // HOURS_PER_DAY - 1)):
            most = self._limits.forecast_series
            found = await usage_series(self._warehouse, pace, last, down_steps(down, pace), most)
            due = [each for each in found if self._is_here(each.tenant, partitions) and self._is_news(each)]
            told += await self._forecast(due[:most], deadline)
        logger.info(
            "forecast",
            extra={"series": told, "budgets": budgets, "seconds": round(time.monotonic() - began, 1)},
        )

    def _is_here(self, tenant: str, partitions: frozenset[int]) -> bool:
        return home_partition(tenant, self._settings.kafka.partitions) in partitions

    def _is_news(self, usage: Usage) -> bool:
        """Return whether anything was used since the last forecast of a series."""
        known = self._done.get(name_of(usage))
        if known is None:
            return True
        steps = (usage.past.known_until - known) // SECONDS[usage.past.pace]
        return steps > 0 and any(value > 0 for value in usage.past.values[-steps:])

    async def _know_what_was_told(self, hour: int) -> None:
        """After a restart, know what a predecessor forecast."""
        if self._remembers:
            return
        since = {"since": moment_of(hour - HOURS_PER_DAY, Pace.HOUR)}
        for row in await self._warehouse.rows(TOLD, since):
            name, _, _ = row["id"].rpartition("/")
            self._done[name] = max(self._done.get(name, 0), int(row["known_until"].timestamp()))
        self._budgets_done.update(row["id"] for row in await self._warehouse.rows(TOLD_OF_BUDGETS, since))
        self._remembers = True

    async def _forecast(self, due: Sequence[Usage], deadline: float) -> int:
        told = 0
        for start in range(0, len(due), AT_ONCE):
            if time.monotonic() >= deadline:
                logger.warning("not everything is forecast in time", extra={"left": len(due) - start})
                break
            batch = due[start : start + AT_ONCE]
            pasts = [each.past for each in batch]
            answers = await self._aside(all_made, pasts, self._limits.forecast_methods)
            for usage, found in zip(batch, answers, strict=True):
                if found is not None:
                    await self._publish(forecast_made(usage, found, self._clock()))
                    told += 1
                self._done[name_of(usage)] = usage.past.known_until
        return told

    async def _budgets(self, hour: int, partitions: frozenset[int], down: frozenset[int], deadline: float) -> int:
        told = 0
        for scope in await budgeted(self._warehouse):
            if not self._is_here(scope.tenant, partitions) or time.monotonic() >= deadline:
                continue
            looked_at = [
                each for each in await self._limited(scope, hour, down) if id_of(each) not in self._budgets_done
            ]
            limits = [each.limited for each in looked_at]
            answers = await self._aside(all_exhausted, limits, self._limits.forecast_methods) if limits else []
            self._budgets_done.update(id_of(one) for one in looked_at)
            for one, answer in zip(looked_at, answers, strict=True):
                if answer is not None:
                    await self._publish(budget_forecast(one, answer, self._clock()))
                    told += 1
        return told

    async def _limited(self, scope: Scope, hour: int, down: frozenset[int]) -> list[Budgeted]:
        """Return the budgets of a scope that can be looked ahead, with the past by hours or by days."""
        spent = await spent_by_hour(self._warehouse, scope, hour)
        now = moment_of(hour + 1, Pace.HOUR)
        found = []
        for budget in scope.budgets:
            begins, ends = present(budget.period, now)
            days = (hour - min(spent, default=hour)) // HOURS_PER_DAY
            pace = pace_until(ends.timestamp(), now.timestamp(), days)
            last = hour if pace is Pace.HOUR else (hour + 1) // HOURS_PER_DAY - 1
            past = _past(spent, pace, last, down_steps(down, pace))
            if past is None:
                continue
            until = datetime.fromtimestamp(past.known_until, UTC)
            in_period = [usd for at, usd in spent.items() if begins <= moment_of(at, Pace.HOUR) < until]
            used = sum(in_period, start=NOTHING)
            limited = Limited(past, float(budget.limit_usd), float(used), ends.timestamp())
            found.append(Budgeted(scope, budget, used, ends, limited))
        return found

    async def _publish(self, event: ForecastMade | BudgetForecast) -> None:
        partition = home_partition(event.tenant, FORECASTS.partitions(self._settings.kafka))
        await self._log.publish(FORECASTS.name, partition, [published(event)])


def _past(spent: dict[int, Decimal], pace: Pace, last: int, down: frozenset[int]) -> Past | None:
    per_step = SECONDS[pace] // SECONDS[Pace.HOUR]
    found: dict[int, float] = {}
    for hour, usd in spent.items():
        found[hour // per_step] = found.get(hour // per_step, 0.0) + float(usd)
    return past_of(found, pace, last, down)
