"""Waiting for data keys that are out of reach: with backoff, once per key however many wait, for as long as it takes.

Whoever waits runs beside an agent and never in it, so that everybody else goes on. When the worker gives up its
partitions, whoever still waits is cancelled there and then, as a crash would end it: his message is not acknowledged,
so the next owner reads it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from schemas.errors import AsahiError, KeyOutOfReach
from streams.sealing.codec import ContentKeys
from streams.transport.offsets import Checkpoint, Marks

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

T = TypeVar("T")


class Patience:
    """Who waits for which data key, in one worker; an owner of no partitions, so that it hears of a hand-over.

    Args:
        keys: The data keys of this process.
    """

    topics: tuple[str, ...] = ()

    def __init__(self, keys: ContentKeys) -> None:
        self._keys = keys
        self._looking: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._warned: set[str] = set()
        self._ended = False

    async def take_over(self, partitions: frozenset[int], checkpoints: Mapping[tuple[str, int], Checkpoint]) -> None:
        """Let waiting begin again."""
        del partitions, checkpoints
        self._ended = False

    async def let_go(self) -> None:
        """Cancel whoever waits, and whoever would from now on."""
        self._ended = True
        for looking in list(self._looking.values()):
            looking.cancel()

    def refine(self, topic: str, partition: int, marks: Marks) -> Marks:
        """Return the marks as they are."""
        del topic, partition
        return marks

    async def wait(self, away: KeyOutOfReach) -> None:
        """Return once the key is there, or is known to be gone for good.

        Raises:
            CancelledError: The worker gives up its partitions.
        """
        if self._ended:
            raise asyncio.CancelledError
        place = away.tenant, away.key_id
        looking = self._looking.get(place)
        if looking is None:
            looking = self._looking[place] = asyncio.ensure_future(self._look(away))
            looking.add_done_callback(lambda _: self._looking.pop(place, None))
        await asyncio.shield(looking)

    async def through(self, work: Callable[[], T]) -> T:
        """Return what some work returns that needs data keys, beginning anew whenever one is out of reach."""
        while True:
            try:
                return work()
            except KeyOutOfReach as away:
                await self.wait(away)

    async def _look(self, away: KeyOutOfReach) -> None:
        self._warn(away)
        pause = FIRST_PAUSE_SECONDS
        while self._is_away(away):
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        if away.tenant in self._warned:
            self._warned.discard(away.tenant)
            logger.info("data keys are within reach again", extra={"tenant": away.tenant})

    def _is_away(self, away: KeyOutOfReach) -> bool:
        try:
            self._keys.key(away.tenant, away.key_id)
        except KeyOutOfReach:
            return True
        except AsahiError:
            return False  # whoever waits hears of it himself
        return False

    def _warn(self, away: KeyOutOfReach) -> None:
        """Say it once per organization, which may have a key for each of its users."""
        if away.tenant not in self._warned:
            self._warned.add(away.tenant)
            logger.warning(
                "waiting for data keys that are out of reach; requests of this tenant are kept until they are back",
                extra={"tenant": away.tenant, "data_key": away.key_id, "reason": away.reason},
            )
