from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, MessageSizeTooLargeError, RequestTimedOutError
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.settings import KafkaSettings
from streams.envelope import Publication
from streams.outbox import Outbox

ROOM = 10
"""Bytes of values that fit into a batch."""


class Metadata(NamedTuple):
    offset: int


@dataclass
class FakeBatch:
    """As aiokafka's builder: the first message always fits, of the others only what has room."""

    values: list[bytes] = field(default_factory=list)
    closed: bool = False

    def append(self, *, key: bytes | None, value: bytes, timestamp: None, headers: Any) -> object:
        del key, timestamp, headers
        if self.values and sum(map(len, self.values)) + len(value) > ROOM:
            return None
        self.values.append(value)
        return object()

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeProducer:
    """Takes batches, after the failures it is given."""

    log: list[bytes] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    batches: int = 0

    def create_batch(self) -> FakeBatch:
        return FakeBatch()

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> asyncio.Future[Metadata]:
        assert batch.closed
        assert (topic, partition) == ("results", 3)
        if self.failures and isinstance(self.failures[0], KafkaConnectionError):
            raise self.failures.pop(0)
        future: asyncio.Future[Metadata] = asyncio.get_running_loop().create_future()
        if self.failures:
            future.set_exception(self.failures.pop(0))
        else:
            self.batches += 1
            future.set_result(Metadata(len(self.log)))
            self.log += batch.values
        return future


async def outbox_to(producer: FakeProducer) -> Outbox:
    outbox = Outbox(KafkaSettings())
    await outbox._producer.stop()
    cast("Any", outbox)._producer = producer
    return outbox


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=15), max_size=12))
def test_whatever_the_sizes_everything_lands_in_order_at_the_offsets_told(values: list[bytes]) -> None:
    async def test() -> None:
        producer = FakeProducer([b"earlier"])
        outbox = await outbox_to(producer)
        offsets = await outbox.publish("results", 3, [Publication(value) for value in values])
        assert offsets == list(range(1, len(values) + 1))
        assert [producer.log[offset] for offset in offsets] == values
        assert outbox.positions() == ({("results", 3): len(values) + 1} if values else {})
        assert producer.batches <= len(values)

    asyncio.run(test())


async def test_a_broker_that_is_away_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    producer = FakeProducer(failures=[KafkaConnectionError(), RequestTimedOutError()])
    outbox = await outbox_to(producer)
    assert await outbox.publish("results", 3, [Publication(b"1"), Publication(b"2")]) == [0, 1]
    assert producer.log == [b"1", b"2"]
    pauses = [vars(record)["pause_seconds"] for record in caplog.records]
    assert pauses == [0.05, 0.1]


async def test_a_batch_that_waited_too_long_behind_others_is_sent_all_the_same() -> None:
    producer = FakeProducer(failures=[KafkaTimeoutError()])
    outbox = await outbox_to(producer)
    assert await outbox.publish("results", 3, [Publication(b"1")]) == [0]
    assert producer.log == [b"1"]


async def test_a_refusal_for_good_is_raised() -> None:
    outbox = await outbox_to(FakeProducer(failures=[MessageSizeTooLargeError()]))
    with pytest.raises(MessageSizeTooLargeError):
        await outbox.publish("results", 3, [Publication(b"1")])
    assert outbox.positions() == {}


async def test_positions_never_go_back_and_are_a_copy() -> None:
    outbox = await outbox_to(FakeProducer())
    outbox.learn({("results", 3): 9, ("usage", 0): 0})
    await outbox.publish("results", 3, [Publication(b"1")])
    outbox.learn({("usage", 0): 4})
    before = outbox.positions()
    outbox.learn({("usage", 0): 2, ("results", 3): 10})
    assert before == {("results", 3): 9, ("usage", 0): 4}
    assert outbox.positions() == {("results", 3): 10, ("usage", 0): 4}
