"""The audit trail as the archive in ClickHouse has it, read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from agents.governance.audit.chain import digest
from agents.governance.audit.events import readable
from agents.governance.audit.examined import Seen
from agents.governance.audit.verification import Place
from schemas.audit_chain import AuditCheckpoint, AuditLinks
from streams.stage import MS_PER_SECOND
from streams.topics import AUDIT, AUDIT_CHECKPOINTS, AUDIT_LINKS
from streams.warehouse.client import Warehouse

PAGE_ROWS = 20_000
PAGE_LINKS = 50
"""Each holds up to a thousand digests."""

PLACES = f"""
SELECT cluster, partition, min(timestamp) AS began FROM archive_store
WHERE topic IN ('{AUDIT.name}', '{AUDIT_LINKS.name}') AND timestamp >= {{since:DateTime64(3)}}
GROUP BY cluster, partition ORDER BY began, cluster, partition
"""  # noqa: S608 - names of our own topics
OPENINGS = f"""
SELECT value FROM archive WHERE topic = '{AUDIT_LINKS.name}' AND endsWith(ce_id, '/opening')
"""  # noqa: S608 - as above
RECORDS = f"""
SELECT offset, toUnixTimestamp64Milli(timestamp), key, value, mapKeys(headers), mapValues(headers), ce_id, ce_type,
    ce_source, ce_time
FROM archive_store
WHERE topic = '{AUDIT.name}' AND cluster = {{cluster:String}} AND partition = {{partition:UInt32}}
  AND offset >= {{start:UInt64}}
ORDER BY topic, cluster, partition, offset LIMIT {{rows:UInt64}}
"""  # noqa: S608 - as above
EVENTS = """
SELECT offset, value FROM archive
WHERE topic = {topic:String} AND cluster = {cluster:String} AND partition = {partition:UInt32}
  AND offset >= {start:UInt64} AND timestamp >= {since:DateTime64(3)}
ORDER BY topic, cluster, partition, offset LIMIT {rows:UInt64}
"""
EVER = datetime(1970, 1, 1)  # noqa: DTZ001 - ClickHouse reads it in the column's zone


class ArchivedTrail:
    """A `Source` on the archive.

    Rows of the archive are read as they are stored, not as its view shows them: two different records at one place
    are two rows here.

    Args:
        warehouse: The database.
        since: Leave out what was sealed before.
        page_rows: Records in memory at once.
    """

    def __init__(self, warehouse: Warehouse, since: datetime | None = None, page_rows: int = PAGE_ROWS) -> None:
        self.whole = since is None
        self._warehouse = warehouse
        self._since = EVER if since is None else since
        self._page_rows = page_rows

    async def places(self) -> list[Place]:
        """Return the chains there are, the oldest log first."""
        rows = await self._warehouse.rows(PLACES, {"since": self._since})
        return [Place(row["cluster"], row["partition"]) for row in rows]

    async def openings(self) -> list[AuditLinks]:
        """Return the openings of all chains."""
        rows = await self._warehouse.rows(OPENINGS)
        return readable(AuditLinks, [row["value"] for row in rows])

    async def records(self, place: Place) -> AsyncIterator[Sequence[Seen]]:
        """Yield the records of a partition in order of offset."""
        start = 0 if self.whole else await self._first_offset(place)
        parameters: dict[str, object] = {
            "cluster": place.cluster,
            "partition": place.partition,
            "rows": self._page_rows,
        }
        while True:
            page = [
                _seen(row)
                async for block in self._warehouse.stream(RECORDS, {**parameters, "start": start})
                for row in block
            ]
            last = page[-1].offset if len(page) == self._page_rows else None
            # Rows of one offset stay together: those of the last are read again with the next page.
            whole = [seen for seen in page if seen.offset != last] or page
            if whole:
                yield whole
                start = whole[-1].offset + 1
            if last is None:
                return

    async def links(self, place: Place) -> AsyncIterator[Sequence[AuditLinks]]:
        """Yield the links of a partition in the order in which they were published."""
        async for values in self._events(AUDIT_LINKS.name, place):
            yield readable(AuditLinks, values)

    async def checkpoints(self, place: Place) -> AsyncIterator[Sequence[AuditCheckpoint]]:
        """Yield the checkpoints that were published on a partition."""
        async for values in self._events(AUDIT_CHECKPOINTS.name, place):
            yield readable(AuditCheckpoint, values)

    async def _first_offset(self, place: Place) -> int:
        async for batch in self.links(place):
            for links in batch:
                if links.offsets:
                    return links.offsets[0]
        return 0

    async def _events(self, topic: str, place: Place) -> AsyncIterator[list[str]]:
        parameters: dict[str, object] = {
            "topic": topic,
            "cluster": place.cluster,
            "partition": place.partition,
            "rows": PAGE_LINKS,
            "since": self._since,
        }
        start = 0
        while True:
            rows = await self._warehouse.rows(EVENTS, {**parameters, "start": start})
            if rows:
                yield [row["value"] for row in rows]
                start = rows[-1]["offset"] + 1
            if len(rows) < PAGE_LINKS:
                return


def _seen(row: Sequence[Any]) -> Seen:
    offset, at_ms, key, value, names, texts, ce_id, ce_type, ce_source, ce_time = row
    headers = [*zip(map(_name, names), texts, strict=True)]
    headers += (("ce_id", ce_id), ("ce_type", ce_type), ("ce_source", ce_source), ("ce_time", ce_time))
    found = digest(at_ms, key, value, headers)
    return Seen(offset, found, ce_id.decode(errors="replace"), at_ms / MS_PER_SECOND)


@lru_cache
def _name(name: bytes | str) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name
