"""Learning what is usual of organizations that nothing is known of yet, from their past in ClickHouse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures.process import BrokenProcessPool

from aiokafka.errors import KafkaError

from agents.analytics.anomalies.teaching import taught, taught_state
from agents.analytics.anomalies.watch import Least, Watch
from agents.analytics.live.aside import Aside
from agents.analytics.live.holding import Holding
from agents.analytics.live.minutes import MINUTES_PER_DAY, figures_by_minute
from agents.analytics.live.uptime import Uptime
from schemas.errors import BrokerUnavailable, WarehouseError, WarehouseUnavailable
from schemas.settings import Settings
from streams.background import Background
from streams.partitioning import home_partition
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

HERE = 2_000
"""Minutes of an organization's past that are learnt in between; more are learnt in another process."""
MAX_ERROR_CHARS = 300
AWAY = (BrokerUnavailable, BrokenProcessPool, KafkaError, WarehouseError, WarehouseUnavailable)


class Learning:
    """Meets organizations, one after the other, and hands over what is known of them then.

    Args:
        settings: How many there may be, and how much of their past counts.
        warehouse: Where their past is.
        aside: The other process.
        fatal: Called with a bug.
    """

    def __init__(
        self, settings: Settings, warehouse: Warehouse, aside: Aside, fatal: Callable[[BaseException], object]
    ) -> None:
        self._partitions = settings.kafka.partitions
        self._limits = settings.analytics
        self._least = Least.configured(self._limits)
        self._warehouse = warehouse
        self._aside = aside
        self._background = Background(fatal)
        self._turn = asyncio.Lock()
        self._under_way: set[str] = set()

    def meet(
        self, tenants: Iterable[str], holdings: Mapping[int, Holding], uptime: Uptime, last: Callable[[], int]
    ) -> None:
        """Begin to learn what is usual of organizations that are not watched yet, as many as may be.

        Args:
            tenants: Some of everybody's.
            holdings: What is here, by partition.
            uptime: When the system was up.
            last: Returns the last minute that is closed.
        """
        for tenant in tenants:
            holding = holdings.get(home_partition(tenant, self._partitions))
            if holding is None or tenant in holding.watches or tenant in self._under_way:
                continue
            watched = sum(len(each.watches) for each in holdings.values()) + len(self._under_way)
            if watched >= self._limits.organizations:
                logger.warning(
                    "not watched: there are too many organizations; start another analyst, or raise "
                    "analytics.organizations",
                    extra={"tenant": tenant},
                )
                return
            self._under_way.add(tenant)
            self._background.start(self._learn(tenant, holding, uptime, last))

    async def settled(self) -> None:
        """Wait until nothing is being learnt."""
        await self._background.settled()

    async def _learn(self, tenant: str, holding: Holding, uptime: Uptime, last: Callable[[], int]) -> None:
        try:
            with self._aside.kept():
                async with self._turn:
                    if not holding.let_go:
                        await holding.adopt(tenant, await self._learnt(tenant, uptime, last()))
                        logger.info("learnt what is usual", extra={"tenant": tenant})
        except AWAY as away:
            # Its next minute with a result begins it again.
            logger.warning("cannot learn; trying again", extra={"error": str(away)[:MAX_ERROR_CHARS]})
        finally:
            self._under_way.discard(tenant)

    async def _learnt(self, tenant: str, uptime: Uptime, last: int) -> Watch:
        first = last - self._limits.warm_up_days * MINUTES_PER_DAY + 1
        found = await figures_by_minute(self._warehouse, first, last, [tenant])
        figures = found.get(tenant, {})
        begun = min(figures, default=last)
        down = frozenset(
            minute for minute in range(begun, last + 1) if minute not in figures and not uptime.up(minute)
        )
        if last - begun < HERE:
            return taught(figures, last, down, self._least)
        state = await self._aside(taught_state, figures, last, down, self._least)
        return Watch.restored(last, self._least, state)
