"""Whether everything that was on the log at some moment is in ClickHouse.

Asked of the broker, not of a clock: a sink that lags, or a ClickHouse that is away, makes figures late, never small.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.errors import BrokerUnavailable
from schemas.settings import KafkaSettings, Settings
from streams.admin import admin
from streams.sink.sink import GROUP_SUFFIX
from streams.tail import FETCH_WAIT_MS, POLL_MS, TrueEnds, detached_consumer

Ends = Mapping[TopicPartition, int]


async def ends_now(kafka: KafkaSettings, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """Return where partitions end now; what is published meanwhile may count.

    Raises:
        BrokerUnavailable: The broker does not answer.
    """
    wanted = list(places)
    consumer = detached_consumer(kafka, FETCH_WAIT_MS)
    try:
        await consumer.start()
        consumer.assign(wanted)
        last = await consumer.end_offsets(wanted)
        for place, end in last.items():
            consumer.seek(place, end)  # a fetch tells the true end, which may lie beyond
        ends = TrueEnds(consumer, wanted)
        while any(ends.of(place) is None for place in wanted):
            await consumer.getmany(timeout_ms=POLL_MS, max_records=1)
        return {place: max(last[place], ends.of(place) or 0) for place in wanted}
    except KafkaError as away:
        raise BrokerUnavailable(f"the broker at {kafka.bootstrap} answers with {away!r}") from away
    finally:
        await consumer.stop()


async def written(settings: Settings, ends: Ends) -> bool:
    """Return whether the sinks have written everything before these ends to ClickHouse.

    Raises:
        BrokerUnavailable: The broker does not answer.
    """
    try:
        async with admin(settings) as client:
            return await _committed_beyond(client, settings.kafka, ends)
    except KafkaError as away:
        raise BrokerUnavailable(f"the broker at {settings.kafka.bootstrap} answers with {away!r}") from away


async def _committed_beyond(client: AIOKafkaAdminClient, kafka: KafkaSettings, ends: Ends) -> bool:
    places = [place for place, end in ends.items() if end > 0]
    if not places:
        return True
    offsets = await client.list_consumer_group_offsets(kafka.group + GROUP_SUFFIX, partitions=places)
    return all(place in offsets and offsets[place].offset >= ends[place] for place in places)
