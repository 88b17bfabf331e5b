"""An audit trail as it lies in the archive, and somebody who may do to it what he likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aiokafka import TopicPartition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.governance.audit.archived import PAGE_ROWS, ArchivedTrail
from agents.governance.audit.chain import End, open_chain, seal
from agents.governance.audit.checkpoints import TrustedKeys
from agents.governance.audit.findings import Kind
from agents.governance.audit.journal import Journals
from agents.governance.audit.verification import Verification, verify
from schemas.audit_chain import AuditCheckpoint, AuditLinks, ChainEnd
from streams.records import Record
from streams.sink.block import COLUMNS, Block, encode
from streams.stage import MS_PER_SECOND
from streams.topics import AUDIT, AUDIT_CHECKPOINTS, AUDIT_LINKS
from streams.warehouse.client import Warehouse
from tests.unit.governance.audit.records import NOW, audit_record
from tests.unit.sink.records import record

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LATER = NOW + 3600
AT_ONCE = {"mutations_sync": 2}
KEPT_COLUMNS = ", ".join(COLUMNS)


@dataclass(slots=True)
class Trail:
    """Records, links and checkpoints of one partition of some logs, written as the sink writes them."""

    warehouse: Warehouse
    folder: Path

    async def run(
        self, cluster: str, subjects: Sequence[str], follows: ChainEnd | None = None, *, each: int = 5
    ) -> End:
        """Write one log: records in order, links for every few of them, a checkpoint after each of those."""
        end, opening = open_chain(cluster, 0, follows, NOW)
        links, signed = [opening], []
        records = [audit_record(offset, subject) for offset, subject in enumerate(subjects)]
        journals = Journals(self.folder, KEY)
        for start in range(0, len(records), each):
            end, more = seal(end, records[start : start + each], NOW)
            assert more is not None
            links.append(more)
            signed.append(journals.append(end, NOW))
        await self._write(cluster, AUDIT.name, records)
        await self._events(cluster, AUDIT_LINKS.name, links)
        await self._events(cluster, AUDIT_CHECKPOINTS.name, signed)
        return end

    async def _events(self, cluster: str, topic: str, events: Sequence[AuditLinks | AuditCheckpoint]) -> None:
        records = []
        for offset, one in enumerate(events):
            value, headers = one.model_dump_json().encode(), (("ce_id", one.id.encode()),)
            records.append(Record(topic, 0, offset, b"0", value, headers, NOW))
        await self._write(cluster, topic, records)

    async def _write(self, cluster: str, topic: str, records: Sequence[Record]) -> None:
        place = TopicPartition(topic, 0)
        rows = [
            replace(
                record(one.offset, one.value, one.headers, one.key, place),
                timestamp=round(one.timestamp * MS_PER_SECOND),
            )
            for one in records
        ]
        block = Block({place: rows})
        await self.warehouse.insert("archive_store", COLUMNS, encode(cluster, block.in_order()), {"async_insert": 0})

    async def tamper(self, sql: str) -> None:
        """Do something to the archive that nobody should."""
        await self.warehouse.command(sql, settings=AT_ONCE)

    async def delete(self, topic: str, condition: str) -> None:
        """Remove rows."""
        await self.tamper(f"ALTER TABLE archive_store DELETE WHERE topic = '{topic}' AND {condition}")

    async def copy(self, expressions: dict[str, str], condition: str) -> None:
        """Put in copies of rows with some columns changed."""
        columns = ", ".join(expressions.get(name, name) for name in COLUMNS)
        await self.tamper(
            f"INSERT INTO archive_store ({KEPT_COLUMNS}) SELECT {columns} FROM archive_store "
            f"WHERE topic = '{AUDIT.name}' AND {condition}"
        )

    def journal(self) -> Path:
        """Return the file of checkpoints."""
        (path,) = self.folder.glob("partition-*.jsonl")
        return path

    async def verified(self, page_rows: int = PAGE_ROWS) -> Verification:
        """Verify the trail as an auditor does who has the public key."""
        trusted = TrustedKeys([KEY.public_key()])
        source = ArchivedTrail(self.warehouse, page_rows=page_rows)
        return await verify(source, [self.folder], trusted, now=LATER, grace_seconds=60)

    async def found(self) -> list[tuple[Kind, int | None]]:
        """Return kinds and offsets of what is found."""
        verification = await self.verified()
        return [(one.kind, one.offset) for one in verification.findings.kept]
