"""Which partitions this sink owns now. The broker may take them away at any await."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

logger = logging.getLogger(__name__)


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Follows the group's rebalances.

    Args:
        let_go: Finishes or gives up what is under way, before others may have the partitions.

    Attributes:
        generation: Grows whenever partitions are taken away; what was read in an earlier one is void.
        partitions: Owned now; empty between two assignments.
    """

    def __init__(self, let_go: Callable[[], Awaitable[None]]) -> None:
        self._let_go = let_go
        self._changed = asyncio.Event()
        self.generation = 0
        self.partitions: frozenset[TopicPartition] = frozenset()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Own nothing until the next assignment."""
        self.generation += 1
        self.partitions = frozenset()
        if revoked:
            await self._let_go()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Own these from now on."""
        self.partitions = frozenset(assigned)
        self._changed.set()
        logger.info("partitions gained", extra={"partitions": len(assigned), "generation": self.generation})

    async def wait(self, seconds: float) -> None:
        """Wait for the next assignment, but no longer than this."""
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return
