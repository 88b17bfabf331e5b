"""Judging the minutes as they close, for the organizations that this process has."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from datetime import timedelta

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.analytics.anomalies.watch import MINUTE, Least
from agents.analytics.live.aside import Aside
from agents.analytics.live.forecasting import Forecasting
from agents.analytics.live.holding import Holding
from agents.analytics.live.journal import Journal
from agents.analytics.live.learning import Learning
from agents.analytics.live.minutes import MINUTES_PER_DAY, began, figures_by_minute
from agents.analytics.live.notes import read_notes
from agents.analytics.live.uptime import Uptime
from agents.analytics.live.webhooks import Webhooks
from schemas.errors import BrokerUnavailable, WarehouseError, WarehouseUnavailable
from schemas.settings import Settings
from streams.closure import ends_now, written
from streams.log import Log
from streams.membership import member_consumer
from streams.outbox import Outbox
from streams.sink.assignment import Assignment
from streams.topics import ANOMALIES, RESULTS, USAGE
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

GROUP_SUFFIX = "-analyst"
CHUNK = 120
"""Minutes that are asked for and judged at once when there is much to catch up with."""
LOOK_SECONDS = 1.0
PAUSE_SECONDS = 1.0
FETCH_WAIT_SECONDS = 1.0
MAX_ERROR_CHARS = 300
RECENT = """
SELECT DISTINCT tenant FROM results_store WHERE completed_at >= {since:DateTime64(6, 'UTC')}
"""
"""Who is to be watched from the start, also while they are silent."""
AWAY = (BrokerUnavailable, KafkaError, WarehouseError, WarehouseUnavailable)
"""What passes: the broker or ClickHouse is away, or the tables are not made yet."""


class Analyst:
    """One analyst; several share the organizations.

    Args:
        settings: The configuration.
        clock: Returns Unix seconds.

    Attributes:
        judged: The last minute that was judged for everybody here; None before the first.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._limits = settings.analytics
        self._least = Least.configured(self._limits)
        self._clock = clock
        self._assignment = Assignment(self._let_go)
        self._generation: int | None = None
        self._holdings: dict[int, Holding] = {}
        self._recent: set[str] = set()
        self._aside = Aside()
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self.judged: int | None = None
        self._forecasting: Forecasting | None = None

    @property
    def forecast_rounds(self) -> int:
        """How often everything that was due was forecast."""
        return 0 if self._forecasting is None else self._forecasting.rounds

    async def run(self, stop: asyncio.Event) -> None:
        """Judge minutes until told to stop; then note what is known.

        Raises:
            BrokerUnavailable: No broker answers at the start.
        """
        self._stop = stop
        async with Outbox(self._settings.kafka) as log, Warehouse(self._settings.clickhouse) as warehouse:
            self._log: Log = log
            self._warehouse = warehouse
            self._learning = Learning(self._settings, warehouse, self._aside, self._failed)
            consumer = member_consumer(self._settings.kafka, GROUP_SUFFIX, FETCH_WAIT_SECONDS)
            consumer.subscribe([ANOMALIES.name], listener=self._assignment)
            await consumer.start()
            webhooks = Webhooks(self._limits, self._journal_of, self._clock)
            beside = [asyncio.create_task(webhooks.run(consumer))]
            if self._limits.forecasts:
                self._forecasting = Forecasting(
                    self._settings, log, warehouse, self._aside, self._clock, self._progress
                )
                beside.append(asyncio.create_task(self._forecasting.run()))
            for task in beside:
                task.add_done_callback(self._ended)
            try:
                await self._until_stopped()
                if self._failure is not None:
                    raise self._failure
                await self._let_go()
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.wait(beside)
                self._aside.end()
                await self._learning.settled()
                await consumer.stop()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._failed(task.exception())

    def _progress(self) -> tuple[int, frozenset[int]] | None:
        """Return the last minute that is judged, and the partitions that are here."""
        return None if self.judged is None else (self.judged, frozenset(self._holdings))

    def _failed(self, failure: BaseException | None) -> None:
        """Stop: what went wrong is a bug, and a successor begins from the notes."""
        self._failure = self._failure or failure
        self._stop.set()

    def _journal_of(self, partition: int) -> Journal | None:
        holding = self._holdings.get(partition)
        return None if holding is None else holding.journal

    async def _until_stopped(self) -> None:
        while not self._stop.is_set():
            last = math.floor((self._clock() - self._limits.grace_seconds) / MINUTE) - 1
            if self._generation == self._assignment.generation and self.judged is not None and last <= self.judged:
                await self._wait((last + 2) * MINUTE + self._limits.grace_seconds - self._clock())
                continue
            try:
                if await self._in_place(last) and await self._closed():
                    await self._advance(last)
            except AWAY as away:
                logger.warning("cannot judge; trying again", extra={"error": str(away)[:MAX_ERROR_CHARS]})
                await self._wait(PAUSE_SECONDS)

    async def _wait(self, seconds: float) -> None:
        """Wait until told to stop, at most so long, and no longer than until the next look at what else happened."""
        try:
            await asyncio.wait_for(self._stop.wait(), min(max(seconds, 0.0), LOOK_SECONDS))
        except TimeoutError:
            return

    async def _in_place(self, last: int) -> bool:
        """Know what there is to know of the partitions owned now; return False when there are none."""
        generation = self._assignment.generation
        if self._generation == generation:
            return True
        partitions = sorted(place.partition for place in self._assignment.partitions)
        if not partitions:
            await self._assignment.wait(LOOK_SECONDS)
            return False
        since = last - self._limits.warm_up_days * MINUTES_PER_DAY
        self._uptime = Uptime(self._settings.kafka)
        await self._uptime.load(self._warehouse, self._log, since)
        rows = await self._warehouse.rows(RECENT, {"since": began(last - MINUTES_PER_DAY)})
        self._recent = {row["tenant"] for row in rows}
        told = Journal()
        await told.load(self._warehouse, began(last) - timedelta(days=1))
        holdings = {partition: await self._held(partition, told) for partition in partitions}
        if generation != self._assignment.generation:
            return False
        self._holdings, self._generation, self.judged = holdings, generation, None
        known = sum(len(holding.watches) for holding in holdings.values())
        logger.info("watching", extra={"partitions": len(holdings), "organizations": known})
        return True

    async def _held(self, partition: int, told: Journal) -> Holding:
        watches = await read_notes(self._log, partition, self._least)
        journal = told.copy()
        async for records in self._log.read({(ANOMALIES.name, partition): 0}):
            for record in records:
                journal.take(record)
        return Holding(partition, watches, journal, self._log, self._warehouse, self._clock)

    async def _closed(self) -> bool:
        """Wait until everything that is on the log now is in ClickHouse; False when there is another thing to do."""
        places = [TopicPartition(topic.name, place) for topic in (RESULTS, USAGE) for place in self._holdings]
        ends = await ends_now(self._settings.kafka, places)
        while not await written(self._settings, ends):
            await self._wait(LOOK_SECONDS)
            if self._stop.is_set() or self._generation != self._assignment.generation:
                return False
        return True

    async def _advance(self, last: int) -> None:
        """Judge everybody up to a minute that is closed."""
        behind = [first for holding in self._holdings.values() if (first := holding.behind()) is not None]
        newest = last if self.judged is None else self.judged + 1
        first = max(min([newest, *behind]), last - self._limits.warm_up_days * MINUTES_PER_DAY)
        for start in range(first, last + 1, CHUNK):
            end = min(start + CHUNK - 1, last)
            figures = await figures_by_minute(self._warehouse, start, end)
            self._uptime.active(minute for of_tenant in figures.values() for minute in of_tenant)
            await self._uptime.close(start, end)
            for holding in self._holdings.values():
                if self._stop.is_set() or self._generation != self._assignment.generation:
                    return
                await holding.judge(start, end, figures, self._uptime.up)
            if end == last:
                self.judged = last
                tenants = sorted(self._recent.union(figures))
                self._learning.meet(tenants, self._holdings, self._uptime, lambda: self.judged or last)
                self._recent = set()
        await self._keep(last)

    async def _keep(self, last: int) -> None:
        """Note what is due, and tell how far figures are complete."""
        days = self._limits.warm_up_days * MINUTES_PER_DAY
        self._uptime.forget(last - days)
        for holding in self._holdings.values():
            await holding.note_due(self._limits.snapshot_seconds)
            await holding.forget(days)
        await self._uptime.tell(self._log if 0 in self._holdings else None, self._clock())

    async def _let_go(self) -> None:
        """Note everything, for whoever has it next."""
        holdings, self._holdings, self._generation = self._holdings, {}, None
        for holding in holdings.values():
            holding.let_go = True
            await holding.note(list(holding.watches))


async def run_analyst(settings: Settings, stop: asyncio.Event, clock: Callable[[], float]) -> None:
    """Run one analyst until told to stop.

    Raises:
        BrokerUnavailable: No broker answers at the start.
    """
    await Analyst(settings, clock).run(stop)
