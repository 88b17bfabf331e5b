"""After the embedded broker started empty: the log gets back what work still needs.

Facts about who may use the system; the newest results, so that a repeated request is recognised and not paid for
twice; and the requests without a result, which are then worked on as if nothing had happened. Everything carries a
mark with its first place: the sink does not archive it again, and restoring twice, or once more after an
interruption, sends nothing twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from schemas.settings import Settings
from streams.admin import cluster_id, ensure_topics
from streams.archive.message import Archived
from streams.archive.queries import FACTS, FINISHED_BESIDE, RESULTS, UNFINISHED
from streams.archive.unfinished import without_finished
from streams.envelope import RESTORED_HEADER, Publication, header
from streams.master_key import Purpose, load_master_key
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.tail import read_tail
from streams.topics import AUDIT_LINKS, GOVERNANCE, REQUESTS, Topic
from streams.topics import RESULTS as RESULTS_TOPIC
from streams.vouchers import VOUCHER_HEADER, Vouching
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

SECONDS_PER_HOUR = 3600

Left = Callable[[bytes], bytes | None]
"""What is left to send of a message's value."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What went back to the log.

    Attributes:
        facts: About tenants, teams, users and keys.
        results: Terminal results.
        requests: Messages with unfinished requests.
        already_there: Messages an earlier, interrupted restore had sent.
        seconds: How long it took.
    """

    facts: int
    results: int
    requests: int
    already_there: int
    seconds: float


async def restore(settings: Settings) -> RestoreReport:
    """Send what the present log lacks, from the archive; call it before the workers start.

    Raises:
        BrokerUnavailable: No broker answers.
        ConfigurationError: A topic has another number of partitions than configured.
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing or not those of this release; `asahi migrate` was not run.
    """
    started = time.monotonic()
    await ensure_topics(settings)
    current = await cluster_id(settings)
    retention = int(settings.kafka.retention_hours * SECONDS_PER_HOUR)
    unfinished = {"current": current, "seconds": retention}
    async with Warehouse(settings.clickhouse) as warehouse, Outbox(settings.kafka) as outbox:
        restoring = _Restoring(settings, warehouse, outbox)
        facts = await restoring.send(GOVERNANCE, FACTS, {"current": current})
        await restoring.send(AUDIT_LINKS, FACTS, {"current": current})  # the new log's chains follow these
        newest = min(settings.intake.known_ids, settings.intake.recover_results)
        results = await restoring.send(RESULTS_TOPIC, RESULTS, {"current": current, "newest": newest})
        rows = await warehouse.rows(FINISHED_BESIDE, unfinished)
        finished = {(row["tenant"], row["id"]) for row in rows}
        requests = await restoring.send(
            REQUESTS,
            UNFINISHED,
            unfinished,
            lambda value: without_finished(value, lambda tenant, request_id: (tenant, request_id) in finished),
        )
    report = RestoreReport(facts, results, requests, restoring.already_there, time.monotonic() - started)
    logger.info(
        "restored from the archive",
        extra={"facts": facts, "results": results, "requests": requests, "seconds": report.seconds},
    )
    return report


class _Restoring:
    def __init__(self, settings: Settings, warehouse: Warehouse, outbox: Outbox) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._outbox = outbox
        master = load_master_key(settings.governance)
        self._vouching = None if master is None else Vouching(master.subkey(Purpose.VOUCHERS))
        self.already_there = 0

    async def send(
        self, topic: Topic, sql: str, parameters: Mapping[str, object], left: Left = lambda value: value
    ) -> int:
        """Send what a query finds; return how many messages that were."""
        there = await self._restored_before(topic)
        sent = 0
        async for messages in self._found(topic, sql, parameters):
            by_partition: dict[int, list[Publication]] = {}
            for message in messages:
                value = left(message.value or b"")
                if value is None:
                    continue
                if message.place in there:
                    self.already_there += 1
                    continue
                by_partition.setdefault(self._home(topic, message), []).append(self._again(topic, message, value))
            for partition, publications in by_partition.items():
                await self._outbox.publish(topic.name, partition, publications)
                sent += len(publications)
        return sent

    def _again(self, topic: Topic, message: Archived, value: bytes) -> Publication:
        """Return what is left of a message; of a signed one it is said what it was and when it came."""
        publication = message.publication(value)
        if topic is not REQUESTS or self._vouching is None:
            return publication
        original = message.record(topic.name)
        vouched = self._vouching.vouched(original, value, publication.key, time.time())
        if (voucher := header(vouched.headers, VOUCHER_HEADER)) is None:
            return publication
        headers = [pair for pair in publication.headers if pair[0] != VOUCHER_HEADER]
        return publication._replace(headers=[*headers, (VOUCHER_HEADER, voucher)])

    async def _restored_before(self, topic: Topic) -> set[bytes]:
        starts = {(topic.name, partition): 0 for partition in range(topic.partitions(self._settings.kafka))}
        places: set[bytes] = set()
        async for records in read_tail(self._settings.kafka, starts):
            places.update(place for record in records if (place := header(record.headers, RESTORED_HEADER)))
        return places

    async def _found(self, topic: Topic, sql: str, parameters: Mapping[str, object]) -> AsyncIterator[list[Archived]]:
        async for rows in self._warehouse.stream(sql, {"topic": topic.name, **parameters}):
            yield [Archived.of(row) for row in rows]

    def _home(self, topic: Topic, message: Archived) -> int:
        partitions = topic.partitions(self._settings.kafka)
        if message.key is None or topic is AUDIT_LINKS:  # whose key is a partition's number
            return message.partition % partitions
        return home_partition(message.key.decode(errors="replace"), partitions)
