"""The organizations of one partition, watched by whoever has it now."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from zlib import crc32

from agents.analytics.anomalies.episodes import Episode
from agents.analytics.anomalies.figures import Figures
from agents.analytics.anomalies.teaching import NOTHING
from agents.analytics.anomalies.watch import MINUTE, Turn, Watch
from agents.analytics.live.causes import find_causes
from agents.analytics.live.events import ended, ended_at, moment_of, opened, published
from agents.analytics.live.journal import Journal, Known
from agents.analytics.live.minutes import began
from agents.analytics.live.notes import forgotten, note_of
from schemas.anomaly import AnomalyOpened, Contribution, Metric
from schemas.errors import WarehouseError, WarehouseUnavailable
from streams.log import Log
from streams.topics import ANOMALIES, WATCH
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
AT_ONCE = 20
"""Organizations judged before others on the loop have their turn: half a millisecond's work per minute each."""


class Holding:
    """Judges minutes, and tells what turns up.

    Args:
        partition: Of `asahi.anomalies` and of the notes.
        watches: What is known of its organizations.
        journal: What was told of them.
        log: Where to tell.
        warehouse: Where to look for causes.
        clock: Returns Unix seconds.

    Attributes:
        let_go: Another has the partition now.
    """

    def __init__(
        self,
        partition: int,
        watches: dict[str, Watch],
        journal: Journal,
        log: Log,
        warehouse: Warehouse,
        clock: Callable[[], float],
    ) -> None:
        self.partition = partition
        self.let_go = False
        self.watches = watches
        self.journal = journal
        self._log = log
        self._warehouse = warehouse
        self._clock = clock
        self._judging: str | None = None
        self._noted = {tenant: watch.minute for tenant, watch in watches.items()}

    def behind(self) -> int | None:
        """Return the first minute that somebody here is still to be judged by; None without anybody."""
        return min((watch.minute + 1 for watch in self.watches.values()), default=None)

    async def judge(
        self, first: int, last: int, figures: Mapping[str, Mapping[int, Figures]], up: Callable[[int], bool]
    ) -> None:
        """Judge minutes, for everybody who is not beyond them; what turns up is on the log on return."""
        for number, (tenant, watch) in enumerate(sorted(self.watches.items())):
            of_tenant = figures.get(tenant, {})
            self._judging = tenant
            for minute in range(max(first, watch.minute + 1), last + 1):
                for turn in watch.add(minute, of_tenant.get(minute, NOTHING) if up(minute) else None):
                    await self._tell(tenant, turn, minute)
            self._judging = None
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def adopt(self, tenant: str, watch: Watch) -> None:
        """Watch an organization that had to be learnt anew, and make its open anomalies agree with what it shows."""
        self.watches[tenant] = watch
        for known in self.journal.open_ones(tenant):
            if watch.going_on(known.metric) is None:
                await self._end(known, known.episode, known.start)  # when it ended nobody saw
        for metric in Metric:
            episode = watch.going_on(metric)
            if episode is not None:
                await self._tell(tenant, Turn(metric, episode), watch.minute)
        await self.note([tenant])

    async def note(self, tenants: list[str]) -> None:
        """Note what is known of these organizations, as far as it is more than was noted before.

        The one that is just being judged is left out: what turned up may not be on the log yet.
        """
        for tenant in tenants:
            watch = self.watches.get(tenant)
            if watch is not None and tenant != self._judging and watch.minute != self._noted.get(tenant):
                await self._log.publish(WATCH.name, self.partition, [note_of(tenant, watch)])
                self._noted[tenant] = watch.minute

    async def note_due(self, seconds: float) -> None:
        """Note each once in so many seconds, each in a minute of its own."""
        every = max(1, math.ceil(seconds / MINUTE))
        await self.note([tenant for tenant, watch in self.watches.items() if self._is_due(tenant, watch, every)])

    def _is_due(self, tenant: str, watch: Watch, every: int) -> bool:
        late = watch.minute - self._noted.get(tenant, 0) >= 2 * every
        return late or (watch.minute + crc32(tenant.encode())) % every == 0

    async def forget(self, quiet_minutes: int) -> None:
        """Watch those no longer who have asked for nothing in so many minutes."""
        gone = [tenant for tenant, watch in self.watches.items() if watch.quiet >= quiet_minutes]
        for tenant in gone:
            del self.watches[tenant]
            await self._log.publish(WATCH.name, self.partition, [forgotten(tenant)])

    async def _tell(self, tenant: str, turn: Turn, minute: int) -> None:
        metric, episode = turn.metric, turn.episode
        start, newest = moment_of(episode.start), self.journal.newest(tenant, metric)
        if not episode.over:
            if not self.journal.is_told(tenant, metric, start):
                causes = await self._causes(tenant, metric, start, began(minute + 1))
                event = opened(tenant, metric, episode, causes, now=self._clock(), muted=False)
                await self._publish(event)
        elif newest is not None and newest.end is None:
            await self._end(newest, episode, start)

    async def _end(self, known: Known, episode: Episode, start: datetime) -> None:
        causes = await self._causes(known.tenant, known.metric, min(start, known.start), ended_at(episode))
        await self._publish(
            ended(known.id, known.tenant, known.metric, known.start, episode, causes, now=self._clock(), muted=False)
        )

    async def _publish(self, event: AnomalyOpened) -> None:
        muted = self.journal.is_muted(event.tenant, event.metric, event.anomaly, event.detected_at)
        publication = published(event.model_copy(update={"muted": muted}))
        await self._log.publish(ANOMALIES.name, self.partition, [publication])
        self.journal.apply(dict(publication.headers)["ce_type"].decode(), publication.value)
        logger.info(
            "anomaly",
            extra={
                "anomaly": event.anomaly,
                "event": event.id.rpartition("/")[2],
                "severity": event.severity,
                "muted": muted,
            },
        )

    async def _causes(self, tenant: str, metric: Metric, start: datetime, end: datetime) -> tuple[Contribution, ...]:
        """Look for what moved a metric until ClickHouse answers; what it refuses to say is not said."""
        while True:
            try:
                return await find_causes(self._warehouse, tenant, metric, start, end)
            except WarehouseUnavailable as away:
                logger.warning("cannot look for causes; trying again", extra={"error": str(away)})
                await asyncio.sleep(PAUSE_SECONDS)
            except WarehouseError as refused:
                logger.error("ClickHouse refuses to say what moved a series", extra={"code": refused.code})
                return ()
