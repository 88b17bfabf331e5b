"""Faust's consumer with three changes: a fetch is one message, offsets are exact, waits are ours to set."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import aiokafka
import aiokafka.abc
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

from streams.tail import record_of
from streams.transport.deliveries import Custodian, Deliveries
from streams.transport.pace import Pace

logger = logging.getLogger(__name__)

MS_PER_SECOND = 1000
FETCH_BYTES_PER_PARTITION = 1024 * 1024


class MicroBatchThread(driver.AIOKafkaConsumerThread):
    """Runs aiokafka's consumer in Faust's consumer thread, with our settings."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        consumer = cast("MicroBatchConsumer", self.consumer)
        # Range assignment keeps equal partition numbers of all topics on one worker: that is what makes
        # a tenant's requests and completions meet in the same process.
        self._assignor = RangePartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int((conf.broker_max_poll_interval or 0) * MS_PER_SECOND),
            max_partition_fetch_bytes=FETCH_BYTES_PER_PARTITION,
            fetch_max_wait_ms=consumer.fetch_max_wait_ms,
            # The longest request is to join the group, which lasts as long as a rebalance.
            request_timeout_ms=int(conf.broker_rebalance_timeout * MS_PER_SECOND),
            session_timeout_ms=int(conf.broker_session_timeout * MS_PER_SECOND),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * MS_PER_SECOND),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * MS_PER_SECOND),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
        )

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; a broker that is away or rebalancing is no reason to die, the next commit covers this one."""
        consumer = self._ensure_consumer()
        owned = self.assignment()
        pairs = {
            driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if tp in owned
        }
        if not pairs:
            return False
        try:
            await consumer.commit(pairs)
        except KafkaError as away:
            logger.warning("commit failed", extra={"error": repr(away), "partitions": len(pairs)})
            return False
        return True

    def wait_at_most(self, milliseconds: int) -> None:
        """Let the next fetches wait this long on empty partitions."""
        if self._consumer is not None:
            self._consumer._fetcher._fetch_max_wait_ms = milliseconds  # noqa: SLF001 - aiokafka offers no setter

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: health is the age of the committed offset, and this check cries wolf on idle partitions."""


class MicroBatchConsumer(driver.Consumer):
    """One message per fetch and partition; commits the contiguous low-water mark with its checkpoint."""

    custodian: Custodian
    fetch_max_wait_ms: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deliveries = Deliveries(self.custodian)
        self._pace = Pace(self.fetch_max_wait_ms, time.monotonic())

    def _new_consumer_thread(self) -> MicroBatchThread:
        return MicroBatchThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - Faust's signature
        """Yield one message per partition that has records; what may not be delivered now is fetched again."""
        # Of before the fetch: one that spans a whole rebalance has read where the last assignment stood.
        generation = self.app.consumer_generation_id
        records, active = await self._wait_next_records(timeout)
        self._ask_on(records or {})
        for tp, fetched in (records or {}).items():
            if not fetched:
                continue
            wanted = active is None or tp in active or tp in self._buffered_partitions
            current = self.app.consumer_generation_id == generation and self._deliveries.has_gained(generation)
            if not wanted or not self.flow_active or not current:
                self._fetch_again(tp)
                continue
            message = self._batch_message(tp, fetched, generation)
            self._deliveries.deliver(tp, message.offset + 1, self.highwater(tp))
            yield tp, message

    def _ask_on(self, records: Mapping[TP, list[Any]]) -> None:
        """Let the next fetch wait as fits what this one brought."""
        size = sum([len(record.value or b"") for fetched in records.values() for record in fetched])
        thread = cast("MicroBatchThread", self._thread)
        thread.wait_at_most(self._pace.after(size, time.monotonic()))

    def _fetch_again(self, tp: TP) -> None:
        """Go back behind records that were fetched but not delivered: a rebalance came between.

        The fetch may have read from behind the position that the rebalance has set since. Dropping its records
        without going back would lose them until the next rebalance.
        """
        if tp in self.assignment():
            self._thread.seek(tp, self._deliveries.position(tp))

    def _batch_message(self, tp: TP, fetched: list[Any], generation: int) -> Message:
        records = [record_of(record) for record in fetched]
        last = fetched[-1]
        return ConsumerMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp / MS_PER_SECOND,
            last.timestamp_type,
            None,
            None,
            cast("bytes", records),  # Faust hands the value through; our schema does not decode it
            None,
            None,
            None,
            tp,
            generation_id=generation,
        )

    def ack(self, message: Message) -> bool:
        """Note that every outcome of the message is durable."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        self._deliveries.settle(message.tp, message.offset + 1, message.generation_id)
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: offsets the broker leaves out need no settling."""

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Save checkpoints and commit what has moved since the last commit."""
        del topics, start_new_transaction
        offsets = await self._deliveries.checkpoint()
        if not offsets or not await self._commit(offsets):
            return False
        self._deliveries.committed(offsets)
        return True

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let work under way finish and commit it before the partitions go."""
        self.stop_flow()
        await self.custodian.lose(frozenset(revoked))
        await self.commit()
        await super().on_partitions_revoked(revoked)
        self._deliveries.clear()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Rebuild the state of gained partitions, then resume where their checkpoints say."""
        committed = dict(await super().seek_to_committed())
        resume = await self._deliveries.gain(self.assignment(), self.app.consumer_generation_id, committed)
        positions = {tp: offset or 0 for tp, offset in {**committed, **resume}.items()}
        # All of them, not only what the checkpoints move: a fetch of the last assignment that ended meanwhile has
        # gone back to where that one stood.
        for tp, offset in positions.items():
            self._thread.seek(tp, offset)
        self._deliveries.resume(positions)
        return committed | resume


def micro_batch_transport(custodian: Custodian, fetch_max_wait_ms: int) -> type[driver.Transport]:
    """Return a Faust transport whose consumers answer to this custodian."""

    class _Consumer(MicroBatchConsumer):
        pass

    _Consumer.custodian = custodian
    _Consumer.fetch_max_wait_ms = fetch_max_wait_ms

    class _Transport(driver.Transport):
        Consumer = _Consumer

    return _Transport
