"""In which minutes the system was up. Where it was down, no requests are no news, and nothing is learnt."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from agents.analytics.anomalies.watch import MINUTE
from agents.analytics.live.minutes import began
from schemas.minute import MinuteClosed
from schemas.settings import KafkaSettings
from streams.envelope import cloud_event
from streams.log import Log
from streams.presence import GONE_SECONDS, present_between
from streams.topics import MINUTES
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

KNOWN = """
SELECT toUnixTimestamp(start) AS began, up FROM minutes WHERE start >= {since:DateTime64(6, 'UTC')}
"""

ACTIVE = """
SELECT DISTINCT intDiv(toUnixTimestamp(completed_at), 60) AS minute FROM results_store
WHERE completed_at >= {since:DateTime64(6, 'UTC')}
"""


class Uptime:
    """What is known of the minutes so far.

    It is told on `asahi.minutes` once and then holds, whoever judges a minute again. Of minutes that nobody has told
    of, such as those before the analyst ran for the first time, those are known in which anybody had a result.

    Args:
        kafka: How the broker is reached.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._told: dict[int, bool] = {}
        self._active: set[int] = set()
        self._news: list[int] = []

    async def load(self, warehouse: Warehouse, log: Log, since: int) -> None:
        """Read what was told since a minute, in ClickHouse and on the log, and when anybody had a result."""
        active = await warehouse.rows(ACTIVE, {"since": began(since)})
        self.active(row["minute"] for row in active)
        rows = await warehouse.rows(KNOWN, {"since": began(since)})
        self._told |= {row["began"] // MINUTE: bool(row["up"]) for row in rows}
        async for records in log.read({(MINUTES.name, 0): 0}):
            for record in records:
                told = MinuteClosed.model_validate_json(record.value or b"")
                self._told.setdefault(int(told.start.timestamp()) // MINUTE, told.up)

    def active(self, minutes: Iterable[int]) -> None:
        """Take into account that somebody had a result in these minutes."""
        self._active.update(minutes)

    def up(self, minute: int) -> bool:
        """Return whether figures of this minute say anything."""
        return self._told.get(minute, minute in self._active) or minute in self._active

    async def close(self, first: int, last: int) -> None:
        """Find out about minutes that have just ended, unless it is known already.

        Raises:
            KafkaError: The broker does not answer.
        """
        unknown = [minute for minute in range(first, last + 1) if minute not in self._told]
        if unknown:
            said = await present_between(self._kafka, first * MINUTE - GONE_SECONDS, (last + 1) * MINUTE)
            for minute in unknown:
                self._news.append(minute)
                self._told[minute] = minute in self._active or covered(said, minute * MINUTE, (minute + 1) * MINUTE)

    async def tell(self, log: Log | None, now: float) -> None:
        """Tell on the log what was found out; None where another analyst does."""
        news, self._news = self._news, []
        if log is None or not news:
            return
        events = []
        for minute in news:
            told = MinuteClosed(
                id=f"{began(minute):%Y-%m-%dT%H:%MZ}",
                start=began(minute),
                up=self.up(minute),
                closed_at=datetime.fromtimestamp(now, UTC),
            )
            value = told.model_dump_json(exclude_defaults=True).encode()
            events.append(cloud_event(MINUTES, told.id, None, told.closed_at, value, key=told.id.encode()))
        await log.publish(MINUTES.name, 0, events)

    def forget(self, before: int) -> None:
        """Forget what is older than a minute."""
        self._told = {minute: up for minute, up in self._told.items() if minute >= before}
        self._active = {minute for minute in self._active if minute >= before}


def covered(said: Sequence[float], start: float, end: float) -> bool:
    """Return whether somebody was there all the time from `start` to `end`, as workers say it, in order of time."""
    until = start
    for at in said:
        if at + GONE_SECONDS < start:
            continue
        if at > until:
            return False
        until = at + GONE_SECONDS
        if until >= end:
            return True
    return False
