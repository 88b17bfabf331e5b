"""What each worker says of itself: that it is there, and how much of `asahi.governance` it knows.

A worker has no port to ask. It writes a line to an internal topic when it has learnt something, and every few seconds
otherwise; `asahi status` shows the newest of each, and whoever revokes a key waits until all of them know it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import msgspec

from schemas.settings import KafkaSettings, Settings
from streams.envelope import Publication
from streams.follow import Following
from streams.log import Log
from streams.tail import read_tail
from streams.topics import WORKERS

logger = logging.getLogger(__name__)

ANNOUNCE_SECONDS = 5.0
LEAVE_SECONDS = 2.0
GONE_SECONDS = 15.0
"""A worker not heard of for so long is gone, or as good as."""
NEWEST_LINES = 1_000
LOOK_SECONDS = 0.05
END_OF_LOG = 2**62


class WorkerLine(msgspec.Struct, frozen=True):
    """What one worker says of itself.

    Attributes:
        worker: Tells workers apart.
        group: The consumer group it works in.
        signatures: Whether it asks producers for proof.
        governance_offset: Everything on `asahi.governance` before this is applied.
        governance_behind: Messages on it that are not applied yet.
        caught_up_at: When it last knew everything on it, in Unix seconds.
        at: When it said so, in Unix seconds.
        leaving: It says so for the last time.
    """

    worker: str
    group: str
    signatures: str
    governance_offset: int
    governance_behind: int
    caught_up_at: float
    at: float
    leaving: bool = False


_json = msgspec.json.Encoder()
_lines = msgspec.json.Decoder(WorkerLine)


class Presence:
    """Announces one worker.

    Args:
        settings: Whose.
        worker: A name that no other worker has.
        log: Where to.
        following: How far it follows governance.
        clock: Returns Unix seconds.
    """

    def __init__(
        self, settings: Settings, worker: str, log: Log, following: Following, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._worker = worker
        self._log = log
        self._following = following
        self._clock = clock

    async def announce(self) -> None:
        """Say what there is to say, for ever."""
        moved = self._following.moved
        await self._following.caught_up.wait()
        while True:
            moved.clear()
            await self._say(leaving=False)
            try:
                await asyncio.wait_for(moved.wait(), ANNOUNCE_SECONDS)
            except TimeoutError:
                continue  # nothing new: it is still there

    async def leave(self) -> None:
        """Say that this worker goes, unless the broker is away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._say(leaving=True)

    async def _say(self, *, leaving: bool) -> None:
        following, now = self._following, self._clock()
        line = WorkerLine(
            worker=self._worker,
            group=self._settings.kafka.group,
            signatures=self._settings.governance.signatures.value,
            governance_offset=following.position,
            governance_behind=following.behind,
            caught_up_at=following.caught_up_at,
            at=now,
            leaving=leaving,
        )
        await self._log.publish(WORKERS.name, 0, [Publication(_json.encode(line), self._worker.encode())])


async def present_workers(kafka: KafkaSettings, now: float) -> list[WorkerLine]:
    """Return the newest line of each worker of this group that is there; `now` in Unix seconds."""
    newest = {line.worker: line async for line in _newest_lines(kafka)}
    return sorted(
        (line for line in newest.values() if not line.leaving and now - line.at < GONE_SECONDS),
        key=lambda line: line.worker,
    )


async def known_everywhere(
    kafka: KafkaSettings, offset: int, clock: Callable[[], float], patience: float
) -> tuple[int, int]:
    """Wait until every worker has applied what stands at this offset of `asahi.governance`.

    Returns:
        How many workers know it, and how many there are.
    """
    end = clock() + patience
    while True:
        workers = await present_workers(kafka, clock())
        know = sum(line.governance_offset > offset for line in workers)
        if know == len(workers) or clock() >= end:
            return know, len(workers)
        await asyncio.sleep(LOOK_SECONDS)


async def present_between(kafka: KafkaSettings, start: float, end: float) -> list[float]:
    """Return when workers of this group said that they are there, in Unix seconds, in order of time.

    Args:
        kafka: How the broker is reached.
        start: Earliest moment.
        end: Moment before which.
    """
    return sorted([line.at async for line in _newest_lines(kafka) if start <= line.at < end])


async def _newest_lines(kafka: KafkaSettings) -> AsyncIterator[WorkerLine]:
    """Yield what workers of this group said last, in order."""
    async for records in read_tail(kafka, {(WORKERS.name, 0): END_OF_LOG}, newest=NEWEST_LINES):
        for record in records:
            try:
                line = _lines.decode(record.value or b"")
            except msgspec.DecodeError:
                continue  # of another release
            if line.group == kafka.group:
                yield line
