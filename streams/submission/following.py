"""Reading `asahi.results` for ourselves: no consumer group, our own positions."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.errors import BrokerUnavailable, ConfigurationError
from schemas.settings import KafkaSettings
from streams.topics import RESULTS

MS_PER_SECOND = 1000
CONNECT_TIMEOUT_MS = 10_000
FETCH_RECORDS = 4000
FETCH_BYTES_PER_PARTITION = 4 * 1024 * 1024


class ResultFollower:
    """A reader of the results topic.

    Args:
        kafka: How the broker is reached.
        least_wait_ms: A fetch of an empty partition waits at least this long, whatever `kafka.fetch_max_wait_ms`
            says: a bulk reader need not ask as often as a stage.
    """

    def __init__(self, kafka: KafkaSettings, least_wait_ms: int = 1) -> None:
        self._bootstrap = kafka.bootstrap
        self._wait_ms = max(kafka.fetch_max_wait_ms, least_wait_ms)
        self._request_timeout_ms = int(kafka.request_timeout_seconds * MS_PER_SECOND)
        self._next: dict[int, int] = {}

    async def __aenter__(self) -> Self:
        """Connect and find the partitions.

        Raises:
            BrokerUnavailable: No broker answers.
            ConfigurationError: The topic does not exist.
        """
        self._next = dict.fromkeys(await self._partitions(), 0)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=self._wait_ms,
            max_partition_fetch_bytes=FETCH_BYTES_PER_PARTITION,
            request_timeout_ms=self._request_timeout_ms,
        )
        await self._consumer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._consumer.stop()

    @property
    def partitions(self) -> int:
        """How many partitions results have; requests have as many."""
        return len(self._next)

    @property
    def positions(self) -> dict[int, int]:
        """The next offset to read, by partition."""
        return dict(self._next)

    async def ends(self) -> dict[int, int]:
        """Return the end of every partition, or a little before it: the embedded broker understates it."""
        ends = await self._consumer.end_offsets([_place(partition) for partition in self._next])
        return {place.partition: offset for place, offset in ends.items()}

    async def go_to(self, positions: Mapping[int, int]) -> None:
        """Read on from these offsets; one beyond the end means the end, as after the log was lost."""
        ends = await self.ends()
        self._consumer.assign([_place(partition) for partition in ends])
        for partition, end in ends.items():
            self._next[partition] = min(positions.get(partition, end), end)
            self._consumer.seek(_place(partition), self._next[partition])

    async def read(self, timeout_ms: int) -> list[Any]:
        """Return the next records of any partition; empty when none came in time."""
        fetched = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=FETCH_RECORDS)
        records: list[Any] = []
        for place, batch in fetched.items():
            self._next[place.partition] = batch[-1].offset + 1
            records += batch
        return records

    async def _partitions(self) -> list[int]:
        client = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=CONNECT_TIMEOUT_MS)
        try:
            await client.start()
            topics = await client.describe_topics()  # all of them: asked for one, a broker may create it
        except (KafkaError, OSError) as away:
            raise BrokerUnavailable(
                f"no broker answers at {self._bootstrap}; start one with `asahi up`, or set kafka.bootstrap"
            ) from away
        finally:
            await client.close()
        for topic in topics:
            if topic["topic"] == RESULTS.name:
                return sorted(partition["partition"] for partition in topic["partitions"])
        raise ConfigurationError(
            f"topic {RESULTS.name} does not exist at {self._bootstrap}; create it with `asahi topics --create`"
        )


def _place(partition: int) -> TopicPartition:
    return TopicPartition(RESULTS.name, partition)
