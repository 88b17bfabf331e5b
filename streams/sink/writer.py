"""Getting blocks into ClickHouse: waiting while it is away, and finding the one event it will not take."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from aiokafka import ConsumerRecord

from schemas.errors import WarehouseError, WarehouseUnavailable
from schemas.settings import ClickHouseSettings
from streams.sink.block import COLUMNS, Block, encode
from streams.sink.counters import Counters
from streams.sink.refused import SetAside

logger = logging.getLogger(__name__)

TABLE = "archive_store"
FIRST_PAUSE_SECONDS = 0.1
SET_ASIDE_HEADER = "asahi_set_aside"
"""Marks the empty row that stands in the archive for an event ClickHouse refused."""
INSERT_SETTINGS = {
    "async_insert": 0,  # an answer must mean that the rows are there
    "optimize_on_insert": 0,  # merges and FINAL drop repeated rows; within a block there are none
    "throw_on_max_partitions_per_insert_block": 0,  # a producer's odd timestamps must not stop everyone
}


class Inserts(Protocol):
    """Takes blocks: a warehouse."""

    async def insert(
        self, table: str, columns: Sequence[str], block: bytes, settings: Mapping[str, object] | None = None
    ) -> None:
        """Insert one block."""
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """A block and what is sent of it."""

    block: Block
    data: bytes


class Writer:
    """Writes blocks of one log, in the order given.

    A block may be encoded while the one before it is written: half of what an insert takes is the engine's work.

    Args:
        settings: How long to pause between attempts.
        warehouse: Where the archive is.
        cluster: Id of the log.
        set_aside: Makes a dead letter of an event that ClickHouse refuses.
        counters: Told what happens.
    """

    def __init__(
        self,
        settings: ClickHouseSettings,
        warehouse: Inserts,
        cluster: str,
        set_aside: SetAside,
        counters: Counters,
    ) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._cluster = cluster
        self._set_aside = set_aside
        self._counters = counters

    def encode(self, block: Block) -> Encoded:
        """Return a block ready to be written; 3 microseconds an event, so call it in a thread."""
        return Encoded(block, encode(self._cluster, block.in_order()))

    async def write(self, encoded: Encoded) -> None:
        """Return once every event of the block is in ClickHouse or has been set aside."""
        while True:
            try:
                await self._insert_or_divide(encoded)
            except WarehouseError as refused:
                # Not even an empty event is taken: it is the tables. What is wrong with them must be put right.
                logger.error("ClickHouse refuses all events; trying again", extra={"code": refused.code})
                self._failed()
                await asyncio.sleep(self._settings.retry_max_seconds)
            else:
                return

    async def _insert_or_divide(self, encoded: Encoded) -> None:
        """Insert a block, or its halves when it is refused, down to the one event at fault."""
        try:
            await self._insert(encoded)
        except WarehouseError as refused:
            if encoded.block.rows > 1:
                for half in encoded.block.halves():
                    await self._insert_or_divide(self.encode(half))
            else:
                await self._replace(encoded.block, refused)

    async def _replace(self, block: Block, refused: WarehouseError) -> None:
        """Insert an empty event in the place of one that is refused, and make a dead letter of it."""
        record = block.single()
        (place,) = block.ends()
        await self._insert(self.encode(Block({place: [emptied(record, refused.code)]})))
        await self._set_aside(record, refused.code)
        self._counters.set_aside += 1
        logger.error(
            "event set aside",
            extra={
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "code": refused.code,
            },
        )

    async def _insert(self, encoded: Encoded) -> None:
        """Insert, and while ClickHouse is away try again.

        Raises:
            WarehouseError: It refuses the block.
        """
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._warehouse.insert(TABLE, COLUMNS, encoded.data, INSERT_SETTINGS)
            except WarehouseUnavailable as away:
                self._failed()
                logger.warning("insert failed; trying again", extra={"error": str(away), "pause_seconds": pause})
                await asyncio.sleep(pause)
                pause = min(2 * pause, self._settings.retry_max_seconds)
            else:
                self._succeeded(encoded.block)
                return

    def _failed(self) -> None:
        self._counters.failures += 1
        if self._counters.waiting_since is None:
            self._counters.waiting_since = time.time()

    def _succeeded(self, block: Block) -> None:
        self._counters.rows += block.rows
        self._counters.blocks += 1
        self._counters.last_insert_at = time.time()
        self._counters.waiting_since = None


def emptied(record: ConsumerRecord, code: int | None) -> ConsumerRecord:
    """Return a record without what could be wrong with it: only its place, time and a mark remain."""
    mark = (SET_ASIDE_HEADER, str(code or "").encode())
    return replace(record, key=None, value=b"", headers=(mark,))
