"""What sealing costs per record, and how fast a trail is verified: `python -m benchmarks.audit --records 1000000`."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import ConsumerRecord, TopicPartition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.governance.audit.archived import ArchivedTrail
from agents.governance.audit.chain import End, open_chain, seal
from agents.governance.audit.checkpoints import TrustedKeys
from agents.governance.audit.journal import Journals
from agents.governance.audit.verification import verify
from schemas.audit_chain import AuditLinks
from schemas.settings import ClickHouseSettings, Settings
from schemas.wire import ProblemRecord
from streams.embedded.warehouse import EmbeddedWarehouse
from streams.envelope import cloud_event
from streams.outcomes import rejection_audit
from streams.records import Record
from streams.sink.block import COLUMNS, Block, encode
from streams.topics import AUDIT, AUDIT_LINKS
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import migrate

CLUSTER = "bench"
DELIVERY = 500
BLOCK_ROWS = 20_000
LINK_ROWS = 100
CHECKPOINT_RECORDS = 10_000
START = 1_790_000_000.0
PROBLEM = ProblemRecord("unknown_field", "promt: extra inputs are not permitted", "remove promt or correct it")


def records(count: int) -> Iterator[Record]:
    """Yield audit records as workers write them."""
    encoder = msgspec.json.Encoder()
    for offset in range(count):
        audit = rejection_audit("demo", f"request-{offset}", PROBLEM, START + offset / 1000)
        event = cloud_event(AUDIT, audit.id, "demo", audit.occurred_at, encoder.encode(audit))
        yield Record(AUDIT.name, 0, offset, event.key, event.value, tuple(event.headers), START + offset / 1000)


class Writer:
    """Writes records to the archive in the sink's blocks."""

    def __init__(self, warehouse: Warehouse, topic: str, rows: int = BLOCK_ROWS) -> None:
        self._rows = rows
        self._warehouse = warehouse
        self._place = TopicPartition(topic, 0)
        self._waiting: list[ConsumerRecord] = []
        self._offset = 0

    async def add(
        self, key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...], at: float
    ) -> None:
        """Take in one; write a block when there are enough."""
        at_ms, offset = round(at * 1000), self._offset
        self._offset += 1
        topic, partition = self._place
        self._waiting.append(ConsumerRecord(topic, partition, offset, at_ms, 0, key, value, None, -1, -1, headers))
        if len(self._waiting) >= self._rows:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            block = Block({self._place: self._waiting})
            await self._warehouse.insert(
                "archive_store", COLUMNS, encode(CLUSTER, block.in_order()), {"async_insert": 0}
            )
            self._waiting = []


async def fill(warehouse: Warehouse, folder: Path, key: Ed25519PrivateKey, count: int) -> dict[str, float]:
    """Seal records and write them and their links; return what sealing and signing took."""
    journals = Journals(folder, key)
    trail, chain = Writer(warehouse, AUDIT.name), Writer(warehouse, AUDIT_LINKS.name, LINK_ROWS)
    end, opening = open_chain(CLUSTER, 0, None, START)
    sealing = signing = 0.0
    signed, link_bytes = 0, 0

    async def publish(links: AuditLinks) -> None:
        nonlocal link_bytes
        value = links.model_dump_json(exclude_defaults=True).encode()
        link_bytes += len(value)
        await chain.add(b"0", value, (("ce_id", links.id.encode()),), START)

    async def take(batch: list[Record], end: End) -> End:
        nonlocal sealing
        begun = time.perf_counter()
        end, links = seal(end, batch, START)
        assert links is not None
        links.model_dump_json(exclude_defaults=True)
        sealing += time.perf_counter() - begun
        await publish(links)
        for one in batch:
            await trail.add(one.key, one.value, one.headers, one.timestamp)
        return end

    await publish(opening)
    batch: list[Record] = []
    for one in records(count):
        batch.append(one)
        if len(batch) == DELIVERY or one.offset == count - 1:
            end = await take(batch, end)
            batch = []
            if end.sequence // CHECKPOINT_RECORDS > signed:
                signed += 1
                begun = time.perf_counter()
                journals.append(end, START)
                signing += time.perf_counter() - begun
    await trail.flush()
    await chain.flush()
    return {
        "seal_us_per_record": round(1e6 * sealing / count, 2),
        "link_bytes_per_record": round(link_bytes / count, 1),
        "sign_ms_per_checkpoint": round(1e3 * signing / max(1, signed), 2),
    }


async def measure(count: int) -> dict[str, Any]:
    """Return the figures for a trail of so many records."""
    key = Ed25519PrivateKey.generate()
    with tempfile.TemporaryDirectory() as root:
        engine = EmbeddedWarehouse(Path(root) / "engine", port=0)
        await engine.start()
        try:
            settings = Settings(clickhouse=ClickHouseSettings(url=engine.url))
            await migrate(settings)
            async with Warehouse(settings.clickhouse) as warehouse:
                figures: dict[str, Any] = {"records": count}
                folder = Path(root) / "checkpoints"
                figures |= await fill(warehouse, folder, key, count)
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                begun = time.perf_counter()
                trusted = TrustedKeys([key.public_key()])
                found = await verify(ArchivedTrail(warehouse), [folder], trusted, now=START + count, grace_seconds=60)
                seconds = time.perf_counter() - begun
                assert found.sound, found.findings.kept[:3]
                (chain,) = found.chains
                assert (chain.tally.records, chain.tally.sealed) == (count, count)
                after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                return figures | {
                    "verify_seconds": round(seconds, 2),
                    "verify_records_per_second": round(count / seconds),
                    "heads_checked": chain.tally.attested,
                    "peak_memory_mb": round(after / 1024),
                    "peak_memory_grown_by_verifying_mb": round((after - before) / 1024),
                }
        finally:
            await engine.stop()


def main() -> None:
    """Print the figures as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    print(json.dumps(asyncio.run(measure(parser.parse_args().records)), indent=2))


if __name__ == "__main__":
    main()
