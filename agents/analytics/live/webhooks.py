"""Telling webhooks of anomalies, from the log: what is told survives a restart, and detection never waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import IllegalStateError, KafkaError

from agents.analytics.anomalies.webhook import body_of, headers_of
from agents.analytics.live.journal import Journal, event_of
from schemas.analytics_settings import AnalyticsSettings
from schemas.anomaly import AnomalyOpened
from streams.envelope import RESTORED_HEADER, header
from streams.tail import record_of

logger = logging.getLogger(__name__)

POLL_MS = 1_000
AT_ONCE = 50
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
AWAY_SECONDS = 1.0
TRY_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
"""Of the answers that refuse, those that pass."""


class Webhooks:
    """Follows `asahi.anomalies` with the partitions of this analyst, and tells what is not muted.

    Each event is told in the order of its partition, until every URL has taken it, refused it, or has not
    answered for `analytics.webhook_patience_seconds`. Only then is its offset committed: what was under way in a
    crash is told again, under the same `Idempotency-Key`.

    Args:
        settings: Whom to tell, and how long to try.
        journal_of: Returns what is known of a partition's anomalies; None when it is another's.
        clock: Returns Unix seconds.
    """

    def __init__(
        self, settings: AnalyticsSettings, journal_of: Callable[[int], Journal | None], clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._journal_of = journal_of
        self._clock = clock

    async def run(self, consumer: AIOKafkaConsumer) -> None:
        """Follow and tell, for ever."""
        timeout = aiohttp.ClientTimeout(self._settings.webhook_timeout_seconds)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                try:
                    fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=AT_ONCE)
                    for place, records in fetched.items():
                        for record in records:
                            await self._take(session, record)
                        await consumer.commit({place: records[-1].offset + 1})
                except (KafkaError, IllegalStateError) as lost:
                    # Rebalancing, or the broker is away: what is not committed comes again, here or elsewhere.
                    logger.warning("cannot follow anomalies; trying again", extra={"error": repr(lost)})
                    await asyncio.sleep(AWAY_SECONDS)

    async def _take(self, session: aiohttp.ClientSession, record: Any) -> None:
        ours = record_of(record)
        journal, event = self._journal_of(ours.partition), event_of(ours)
        if journal is not None:
            journal.note(event)
        if (
            not isinstance(event, AnomalyOpened)
            or header(ours.headers, RESTORED_HEADER) is not None
            or not self._settings.webhook_urls
        ):
            return
        if event.muted or (journal is not None and self._muted_since(journal, event)):
            return
        await asyncio.gather(*(self._tell(session, url, event) for url in self._settings.webhook_urls))

    def _muted_since(self, journal: Journal, event: AnomalyOpened) -> bool:
        return journal.is_muted(event.tenant, event.metric, event.anomaly, event.detected_at)

    async def _tell(self, session: aiohttp.ClientSession, url: str, event: AnomalyOpened) -> None:
        body, pause, loop = body_of(event), FIRST_PAUSE_SECONDS, asyncio.get_running_loop()
        deadline = loop.time() + self._settings.webhook_patience_seconds
        secret = self._settings.webhook_secret.get_secret_value()
        while True:
            headers = headers_of(event, body, secret, int(self._clock()))
            wrong = await _post(session, url, body, headers)
            if wrong is None:
                return
            final = (
                wrong.isdecimal() and int(wrong) < HTTPStatus.INTERNAL_SERVER_ERROR and int(wrong) not in TRY_LATER
            )
            if final or loop.time() + pause > deadline:
                logger.error("a webhook was not told", extra={"anomaly_event": event.id, "answer": wrong})
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def _post(session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]) -> str | None:
    """Return None when the event was taken, else the status or the name of what went wrong; URLs may hold secrets."""
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            return None if answer.status < HTTPStatus.MULTIPLE_CHOICES else str(answer.status)
    except (aiohttp.ClientError, TimeoutError, ValueError) as wrong:
        return type(wrong).__name__
