"""The audit trail as the broker has it now: what retention has left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from agents.governance.audit.chain import OPENING, digest_of
from agents.governance.audit.events import readable
from agents.governance.audit.examined import Seen
from agents.governance.audit.verification import Place
from schemas.audit_chain import AuditCheckpoint, AuditLinks
from schemas.settings import KafkaSettings
from streams.envelope import RESTORED_HEADER, header
from streams.records import Record
from streams.tail import read_tail
from streams.topics import AUDIT, AUDIT_CHECKPOINTS, AUDIT_LINKS


class LoggedTrail:
    """A `Source` on the log itself.

    Args:
        kafka: How the broker is reached.
        cluster: Id of its log.
    """

    whole = False

    def __init__(self, kafka: KafkaSettings, cluster: str) -> None:
        self._kafka = kafka
        self._cluster = cluster

    async def places(self) -> list[Place]:
        """Return the chains there are."""
        return [Place(self._cluster, partition) for partition in range(AUDIT.partitions(self._kafka))]

    async def openings(self) -> list[AuditLinks]:
        """Return nothing: the chains before this log are not on it."""
        return []

    async def records(self, place: Place) -> AsyncIterator[Sequence[Seen]]:
        """Yield the records of a partition in order of offset."""
        async for records in self._read(AUDIT.name, place):
            yield [_seen(record) for record in records]

    async def links(self, place: Place) -> AsyncIterator[Sequence[AuditLinks]]:
        """Yield the links of a partition, but for what retention has taken the records of."""
        first = await self._first_offset(place)
        async for records in self._read(AUDIT_LINKS.name, place):
            events = readable(AuditLinks, [record.value for record in records])
            kept = [one for one in events if one.cluster == place.cluster and _is_kept(one, first)]
            if kept:
                yield kept

    async def checkpoints(self, place: Place) -> AsyncIterator[Sequence[AuditCheckpoint]]:
        """Yield the checkpoints that are on a partition."""
        async for records in self._read(AUDIT_CHECKPOINTS.name, place):
            yield readable(AuditCheckpoint, [record.value for record in records])

    async def _first_offset(self, place: Place) -> int | None:
        async for records in self._read(AUDIT.name, place):
            return records[0].offset
        return None

    async def _read(self, topic: str, place: Place) -> AsyncIterator[list[Record]]:
        async for records in read_tail(self._kafka, {(topic, place.partition): 0}):
            news = [record for record in records if header(record.headers, RESTORED_HEADER) is None]
            if news:
                yield news


def _seen(record: Record) -> Seen:
    event_id = header(record.headers, "ce_id") or b""
    return Seen(record.offset, digest_of(record), event_id.decode(errors="replace"), record.timestamp)


def _is_kept(links: AuditLinks, first_offset: int | None) -> bool:
    """Return whether all records of these links are still on the log."""
    if links.id.endswith(f"/{OPENING}"):
        return first_offset in (0, None)
    return first_offset is not None and links.offsets[0] >= first_offset
