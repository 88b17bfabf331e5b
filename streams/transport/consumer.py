"""Faust's consumer with three changes: a fetch is one message, offsets are exact, waits are ours to set."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Protocol, cast

import aiokafka
import aiokafka.abc
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

from streams.tail import record_of
from streams.transport.offsets import Checkpoint, Marks, OffsetTracker

logger = logging.getLogger(__name__)

MS_PER_SECOND = 1000
FETCH_BYTES_PER_PARTITION = 1024 * 1024


class Custodian(Protocol):
    """Who keeps the state behind the partitions this worker owns."""

    async def gain(self, assigned: frozenset[TP], generation: int) -> Mapping[TP, int]:
        """Rebuild the state of newly assigned partitions; return where to resume, by partition."""
        ...

    async def lose(self, revoked: frozenset[TP]) -> None:
        """Let work under way finish before the partitions may go to another worker."""
        ...

    def marks(self) -> Marks:
        """Return the output positions now."""
        ...

    async def save(self, checkpoints: Mapping[TP, Checkpoint]) -> None:
        """Make checkpoints durable; called before the same offsets are committed."""
        ...


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
            request_timeout_ms=int(conf.broker_request_timeout * MS_PER_SECOND),
            session_timeout_ms=int(conf.broker_session_timeout * MS_PER_SECOND),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * MS_PER_SECOND),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * MS_PER_SECOND),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
        )

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; a broker that is away or rebalancing is no reason to die, the next commit covers this one."""
        consumer = self._ensure_consumer()
        owned = self.assignment()
        pairs = {tp: OffsetAndMetadata(offset, "") for tp, offset in offsets.items() if tp in owned}
        if not pairs:
            return False
        try:
            await consumer.commit(pairs)
        except KafkaError as away:
            logger.warning("commit failed", extra={"error": repr(away), "partitions": len(pairs)})
            return False
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: health is the age of the committed offset, and this check cries wolf on idle partitions."""


class MicroBatchConsumer(driver.Consumer):
    """One message per fetch and partition; commits the contiguous low-water mark with its checkpoint."""

    custodian: Custodian
    fetch_max_wait_ms: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._trackers: dict[TP, OffsetTracker] = {}
        self._uncommitted: dict[TP, int] = {}
        self._generation = -1  # no generation yet: the embedded broker counts from 0

    def _new_consumer_thread(self) -> MicroBatchThread:
        return MicroBatchThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - Faust's signature
        """Yield one message per partition that has records."""
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop or not self.flow_active:
            return  # after a rebalance the positions are set anew anyway
        for tp, fetched in records.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if fetched and (active is None or tp in active or tp in self._buffered_partitions):
                message = self._batch_message(tp, fetched, generation)
                tracker = self._trackers.setdefault(tp, OffsetTracker())
                tracker.deliver(message.offset + 1, self.custodian.marks())
                yield tp, message

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
        tracker = self._trackers.get(message.tp)
        if tracker is not None and message.generation_id == self.app.consumer_generation_id:
            tracker.settle(message.offset + 1)
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: offsets the broker leaves out need no settling."""

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Save checkpoints and commit what has moved since the last commit."""
        del topics, start_new_transaction
        marks = self.custodian.marks()
        moved = {tp: point for tp, tracker in self._trackers.items() if (point := tracker.advance(marks))}
        if moved:
            await self.custodian.save(moved)
            self._uncommitted.update({tp: point.offset for tp, point in moved.items()})
        if not self._uncommitted:
            return False
        offsets, self._uncommitted = self._uncommitted, {}
        done = await self._commit(offsets)
        if not done:
            self._uncommitted = {**offsets, **self._uncommitted}
        return done

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let work under way finish and commit it before the partitions go."""
        self.stop_flow()
        await self.custodian.lose(frozenset(revoked))
        await self.commit()
        await super().on_partitions_revoked(revoked)
        self._trackers.clear()
        self._uncommitted.clear()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Rebuild the state of gained partitions, then resume where their checkpoints say."""
        committed = dict(await super().seek_to_committed())
        if not self._is_new_generation():
            return committed
        resume = await self.custodian.gain(frozenset(self.assignment()), self._generation)
        for tp, offset in resume.items():
            if offset > (committed.get(tp) or 0):
                self._thread.seek(tp, offset)
                committed[tp] = offset
        return committed

    def _is_new_generation(self) -> bool:
        generation = self.app.consumer_generation_id
        if generation == self._generation:
            return False
        self._generation = generation
        return True


def micro_batch_transport(custodian: Custodian, fetch_max_wait_ms: int) -> type[driver.Transport]:
    """Return a Faust transport whose consumers answer to this custodian."""

    class _Consumer(MicroBatchConsumer):
        pass

    _Consumer.custodian = custodian
    _Consumer.fetch_max_wait_ms = fetch_max_wait_ms

    class _Transport(driver.Transport):
        Consumer = _Consumer

    return _Transport


def partitions_of(tps: Iterable[TP], topic: str) -> frozenset[int]:
    """Return the partition numbers of one topic."""
    return frozenset(tp.partition for tp in tps if tp.topic == topic)
