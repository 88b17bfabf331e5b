"""Reading the public topics, and writing them to ClickHouse block by block."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from itertools import chain

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from prometheus_client.metrics_core import Metric

from schemas.errors import WarehouseError, WarehouseUnavailable
from schemas.settings import Settings
from streams.admin import cluster_id
from streams.membership import member_consumer
from streams.metrics.endpoint import Condition, endpoint
from streams.metrics.exposition import of_this_process
from streams.sink.assignment import Assignment
from streams.sink.block import Block, news
from streams.sink.chores import CHORES, chore
from streams.sink.counters import Counters
from streams.sink.figures import condition, inserted, traced
from streams.sink.positions import archived_ends, resume_at
from streams.sink.refused import DeadLetters
from streams.sink.traces import Traces, configured_traces
from streams.sink.writer import Encoded, Writer
from streams.topics import GOVERNANCE, PUBLIC
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

GROUP_SUFFIX = "-sink"
FETCH_WAIT_SECONDS = 0.2
"""How long a fetch waits for news: nobody waits for rows as they do for answers, and short waits cost CPU."""
POLL_SECONDS = 0.2
"""How long the loop may go without a look at what else has happened."""
GATHER_SECONDS = 0.05
"""Pause between reads while a block fills: fewer and larger fetches."""
FETCH_ROWS = 2_000
IN_A_THREAD_ROWS = 2_000
"""Fewer are encoded at once: a thread costs as much as 30 of them."""
QUIET_ROUNDS = 2
"""So often must nothing come before a log counts as read to its end."""
MS_PER_SECOND = 1000
MAX_ERROR_CHARS = 300


class Sink:
    """One consumer of the public topics; several share the partitions.

    One block is written while the next is gathered and encoded, so that at most two are in memory. Offsets are
    committed after the insert. While ClickHouse is away nothing more is read.

    Args:
        settings: The configuration.
        traces: Told what is in ClickHouse.

    Attributes:
        counters: What it has done.
    """

    def __init__(self, settings: Settings, traces: Traces | None = None) -> None:
        self._settings = settings
        self._traces = traces or Traces(None)
        self._limits = settings.clickhouse
        self.counters = Counters()
        self._assignment = Assignment(self._let_go)
        self._alone = TopicPartition(GOVERNANCE.name, 0)
        self._positioned: int | None = None
        self._writing: asyncio.Task[None] | None = None
        self._wrote_at = float("-inf")
        self._deadline: float | None = None

    def is_chosen(self) -> bool:
        """Return whether this sink is the one of all that does what is to be done once.

        `asahi.governance` has a single partition: whoever has it is alone with it, and when he dies another gets it.
        """
        return self._alone in self._assignment.partitions

    async def run(self, stop: asyncio.Event) -> None:
        """Read and write until told to stop; then finish what was read.

        Raises:
            BrokerUnavailable: No broker answers at the start.
        """
        cluster = await cluster_id(self._settings)
        async with Warehouse(self._limits) as warehouse:
            set_aside = DeadLetters(self._settings)
            self._writer = Writer(self._limits, warehouse, cluster, set_aside, self.counters)
            self._consumer = self._new_consumer()
            self._consumer.subscribe([topic.name for topic in PUBLIC], listener=self._assignment)
            await self._consumer.start()
            try:
                await self._pump(stop, warehouse, cluster)
                await self._let_go()
            finally:
                await self._give_up()
                await self._consumer.stop()

    async def _pump(self, stop: asyncio.Event, warehouse: Warehouse, cluster: str) -> None:
        """Read and write until stopped, then to the end of the log: what is not archived may be lost."""
        quiet = 0
        while not (stop.is_set() and (quiet >= QUIET_ROUNDS or self._out_of_time(stop))):
            quiet = quiet + 1 if stop.is_set() else 0
            if await self._in_position(warehouse, cluster):
                block = await self._gather(stop)
                quiet = 0 if block.rows else quiet
                await self._hand_over(block, stop)

    def _out_of_time(self, stop: asyncio.Event) -> bool:
        """Return whether the time to finish is over."""
        if stop.is_set() and self._deadline is None:
            self._deadline = time.monotonic() + self._settings.worker.drain_seconds
        return self._deadline is not None and time.monotonic() > self._deadline

    def _new_consumer(self) -> AIOKafkaConsumer:
        kafka = self._settings.kafka
        letting_go = kafka.session_timeout_seconds + self._limits.timeout_seconds
        return member_consumer(kafka, GROUP_SUFFIX, FETCH_WAIT_SECONDS, letting_go)

    async def _in_position(self, warehouse: Warehouse, cluster: str) -> bool:
        """Stand where ClickHouse says; return False when there is nothing to read yet."""
        generation = self._assignment.generation
        if self._positioned == generation:
            return True
        places = self._assignment.partitions
        if not places:
            await self._assignment.wait(POLL_SECONDS)
            return False
        try:
            committed = {place: await self._consumer.committed(place) or 0 for place in places}
            archived = await archived_ends(warehouse, cluster, committed)
            if generation != self._assignment.generation:
                return False
            for place, offset in committed.items():
                self._consumer.seek(place, resume_at(offset, archived.get(place, 0), self._limits.block_rows))
        except (WarehouseUnavailable, WarehouseError, KafkaError) as away:
            # Tables that are missing are made by `asahi migrate`, which may start after this process.
            logger.warning("cannot find where to go on; trying again", extra={"error": repr(away)[:MAX_ERROR_CHARS]})
            await asyncio.sleep(POLL_SECONDS)
            return False
        self._positioned = generation
        return True

    async def _gather(self, stop: asyncio.Event) -> Block:
        """Read until a block is full, or is due and nothing more lies ready; an empty one means: look around.

        A block is due once `block_seconds` have passed since the last one was written, so that a lone event after a
        while of silence goes at once and a trickle does not become an insert per event.
        """
        block = Block()
        generation = self._assignment.generation
        due = self._wrote_at + self._limits.block_seconds
        while not self._out_of_time(stop):
            overdue = self._writing_is_done() and (stop.is_set() or time.monotonic() >= due)
            wait = 0.0 if overdue and block.rows else POLL_SECONDS
            fetched = await self._consumer.getmany(
                timeout_ms=int(wait * MS_PER_SECOND),
                max_records=min(FETCH_ROWS, self._limits.block_rows - block.rows),
            )
            if generation != self._assignment.generation:
                return Block()
            before = block.rows
            for place, records in fetched.items():
                block.add(place, records)
            if block.rows >= self._limits.block_rows or block.bytes >= self._limits.block_bytes:
                return block
            if not fetched and (overdue or not block.rows):
                return block
            if not overdue and block.rows - before < FETCH_ROWS:
                await asyncio.sleep(GATHER_SECONDS)
        return block

    def _writing_is_done(self) -> bool:
        return self._writing is None or self._writing.done()

    async def _hand_over(self, block: Block, stop: asyncio.Event) -> None:
        """Encode a block, and start writing it as soon as the one before it is written."""
        generation = self._assignment.generation
        ends, encoded = block.ends(), await self._encoded(block)
        while self._writing is not None and not self._writing.done():
            await asyncio.wait([self._writing], timeout=POLL_SECONDS)
            if self._out_of_time(stop):
                return
        if self._writing is not None and not self._writing.cancelled():
            self._writing.result()
        if block.rows and generation == self._assignment.generation:
            self._wrote_at = time.monotonic()
            self.counters.restored += block.rows - encoded.block.rows
            self._writing = asyncio.create_task(self._write(ends, encoded))

    async def _encoded(self, block: Block) -> Encoded:
        """Return what is new of a block, encoded beside the event loop: the block before it is being sent."""
        if block.rows < IN_A_THREAD_ROWS:
            return self._fresh(block)
        return await asyncio.to_thread(self._fresh, block)

    def _fresh(self, block: Block) -> Encoded:
        return self._writer.encode(
            Block({place: kept for place, records in block.in_order() if (kept := news(records))})
        )

    async def _write(self, ends: dict[TopicPartition, int], encoded: Encoded) -> None:
        if encoded.block.rows:
            await self._writer.write(encoded)
            self._traces.follow(encoded.block)
        await self._commit(ends)

    async def _commit(self, ends: dict[TopicPartition, int]) -> None:
        try:
            await self._consumer.commit(ends)
        except (KafkaError, IllegalStateError) as lost:
            # Rebalancing, or the broker is away: ClickHouse knows what it has, and the next commit covers this one.
            logger.warning("commit failed", extra={"error": repr(lost), "partitions": len(ends)})

    async def _let_go(self) -> None:
        """Finish the block being written, if that does not take long, for others may go on where it ends."""
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=self._settings.kafka.session_timeout_seconds)
        await self._give_up()

    async def _give_up(self) -> None:
        if self._writing is not None and not self._writing.done():
            self._writing.cancel()
            await asyncio.wait([self._writing])


def _tell(beside: asyncio.Task[None]) -> None:
    """Say that what is done beside ended with a bug; rows go on being written."""
    if not beside.cancelled() and (bug := beside.exception()) is not None:
        logger.error("what one sink does besides has ended", exc_info=bug)


async def run_sink(settings: Settings, stop: asyncio.Event) -> None:
    """Run one sink until told to stop, and beside it what one sink of all does, its figures and its traces.

    Raises:
        BrokerUnavailable: No broker answers at the start.
    """
    traces = configured_traces(settings.tracing)
    sink = Sink(settings, traces)
    beside = [asyncio.create_task(chore(place)(settings, sink.is_chosen, stop)) for place in CHORES]
    for task in beside:
        task.add_done_callback(_tell)

    async def figures() -> Iterable[Metric]:
        return chain(inserted(sink.counters, time.time()), traced(traces.outcomes), of_this_process())

    async def health() -> Condition:
        return condition(sink.counters, time.time())

    try:
        async with endpoint(settings.metrics, figures, health):
            await sink.run(stop)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        await traces.close(settings.worker.drain_seconds)
