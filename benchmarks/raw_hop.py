"""The ceiling: a consume-produce loop on aiokafka alone, in batches.

Run by `benchmarks.pipeline` as a process of its own: `python -m benchmarks.raw_hop BOOTSTRAP SOURCE TARGET`.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

PARTITION = 0
POLL_MS = 200


async def serve(bootstrap: str, source: str, target: str) -> None:
    """Hop until killed."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=4)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=1024 * 1024)
    await consumer.start()
    await producer.start()
    place = TopicPartition(source, PARTITION)
    consumer.assign([place])
    consumer.seek(place, 0)
    while True:
        fetched = await consumer.getmany(timeout_ms=POLL_MS)
        sent = [await producer.send(target, record.value) for record in fetched.get(place, ())]
        if sent:
            await asyncio.wait(sent)


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:4]))
