"""What the benchmark of faults sends through the pipeline, and how it reads what comes out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.fault_books import Ended
from benchmarks.harness import POLL_MS
from schemas.settings import Settings
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import REQUESTS, RESULTS

TENANTS = tuple(f"tenant-{number}" for number in range(16))
FIRST, SECOND = "openai-first", "anthropic-first"
MODELS = {FIRST: ["openai", "anthropic"], SECOND: ["anthropic", "openai"]}
PRICE = {"input": 1, "cached_input": 1, "cache_write": 1, "cache_write_1h": 1, "output": 1}
"""Dollars per million tokens, as the test servers charge."""
WAIT_SECONDS = 600.0


def models_file(folder: Path) -> Path:
    """Write the models, each asked at both providers in an order of its own."""
    models = [
        {
            "name": name,
            "providers": providers,
            "context_window": 8192,
            "quality": {"default": 0.9},
            "quality_source": "none: the test server answers",
            "speed": {"first_token_ms": 50, "tokens_per_second": 1000},
            "price": PRICE,
        }
        for name, providers in MODELS.items()
    ]
    file = folder / "models.yaml"
    file.write_text(json.dumps({"date": "2026-11-26", "models": models}))  # JSON is YAML
    return file


def documents(count: int) -> dict[str, list[Publication]]:
    """Return the requests by tenant, every prompt once."""
    found: dict[str, list[Publication]] = {tenant: [] for tenant in TENANTS}
    for number in range(count):
        tenant = TENANTS[number // 2 % len(TENANTS)]
        body = {
            "id": f"r{number:05d}",
            "tenant": tenant,
            "prompt": f"Question {number}: how many sides has a polygon of {number} corners?",
            "mode": "explicit",
            "model": (FIRST, SECOND)[number % 2],
        }
        found[tenant].append(Publication(json.dumps(body).encode(), tenant.encode()))
    return found


async def send(settings: Settings, requests: Mapping[str, list[Publication]]) -> None:
    """Produce the requests as fast as the broker takes them."""
    async with Outbox(settings.kafka) as outbox:
        for tenant, publications in requests.items():
            await outbox.publish(REQUESTS.name, home_partition(tenant, settings.kafka.partitions), publications)


class Results:
    """Every result that comes, in the order of coming."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: int) -> None:
        self._consumer = consumer
        self._places = [TopicPartition(RESULTS.name, number) for number in range(partitions)]
        self._decode = msgspec.json.Decoder(Ended).decode
        self.all: list[Ended] = []
        self.ids: set[str] = set()
        self.begun = asyncio.Event()

    async def start(self) -> None:
        """Begin at the beginning."""
        self._consumer.assign(self._places)
        await self._consumer.seek_to_beginning(*self._places)

    async def read(self) -> None:
        """Take what has come."""
        fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
        for records in fetched.values():
            for record in records:
                result = self._decode(record.value or b"")
                self.all.append(result)
                self.ids.add(result.id)
                self.begun.set()

    async def until(self, count: int) -> None:
        """Read until so many requests have a result.

        Raises:
            TimeoutError: They did not come in time.
        """
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.ids) < count:
                await self.read()

    async def to_the_end(self) -> None:
        """Read what stands in the log by now, repeated results too."""
        ends = await self._consumer.end_offsets(self._places)
        while any([await self._consumer.position(place) < end for place, end in ends.items()]):
            await self.read()
