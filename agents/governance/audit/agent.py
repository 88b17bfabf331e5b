"""Sealing the audit trail while it is written: one owner per partition, and the log tells each where to go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.governance.audit.chain import End, extend, open_chain, seal
from agents.governance.audit.events import readable
from schemas.audit_chain import AuditCheckpoint, AuditLinks, ChainEnd
from schemas.audit_settings import AuditSettings
from schemas.errors import ChainBroken, ConfigurationError
from streams.background import Background
from streams.envelope import Publication, cloud_event
from streams.log import Log
from streams.records import Record
from streams.topics import AUDIT, AUDIT_CHECKPOINTS, AUDIT_LINKS
from streams.transport.offsets import Checkpoint, Marks, kept

logger = logging.getLogger(__name__)

RECORDS_PER_EVENT = 1000
"""A record takes some 75 bytes of the event that seals it."""
NEWEST_LINKS = 64
"""Read at least when a partition is gained: more than repeats of a replaced sealer can stand at the end."""


class Notary(Protocol):
    """What signs heads and keeps them apart from the log."""

    def append(self, end: End, now: float) -> AuditCheckpoint:
        """Sign the end of a chain and keep it; return once that is durable."""
        ...


@dataclass(slots=True)
class _Chain:
    """One partition's chain; `certified` and `certified_at` are of its last checkpoint, -1 before the first."""

    end: End
    certified_at: float
    certified: int = -1
    certifying: bool = False


class Sealer:
    """The chains of the audit partitions this worker owns.

    Args:
        settings: When checkpoints are signed.
        log: The log.
        background: Publications under way.
        clock: Returns Unix seconds.
        notary: Signs; without one the chain goes unsigned.
    """

    topics = (AUDIT.name,)

    def __init__(
        self,
        settings: AuditSettings,
        log: Log,
        background: Background,
        clock: Callable[[], float],
        notary: Notary | None,
    ) -> None:
        self._settings = settings
        self._log = log
        self._background = background
        self._clock = clock
        self._notary = notary
        self._chains: dict[int, _Chain] = {}

    async def take_over(self, partitions: frozenset[int], checkpoints: Mapping[tuple[str, int], Checkpoint]) -> None:
        """Go on where the last links on the log end; open the chains that have none."""
        cluster = await self._log.identity() if partitions else ""
        ends: dict[int, End] = {}
        earlier: dict[int, ChainEnd] = {}
        starts = {}
        for partition in partitions:
            point = checkpoints.get((AUDIT.name, partition))
            starts[AUDIT_LINKS.name, partition] = (
                0 if point is None else point.marks.get((AUDIT_LINKS.name, partition), 0)
            )
        async for records in self._log.read(starts, newest=NEWEST_LINKS):
            for links in readable(AuditLinks, [record.value for record in records]):
                _learn(records[-1].partition, links, cluster, ends, earlier)
            self._log.learn({(AUDIT_LINKS.name, records[-1].partition): records[-1].offset + 1})
        for partition in partitions - ends.keys():
            ends[partition] = await self._open(cluster, partition, earlier.get(partition))
        now = self._clock()
        self._chains = {partition: _Chain(end, now) for partition, end in ends.items()}

    async def _open(self, cluster: str, partition: int, earlier: ChainEnd | None) -> End:
        """Open a chain, unless one was signed whose links the log no longer holds."""
        known: End | None = None
        async for records in self._log.read({(AUDIT_CHECKPOINTS.name, partition): 0}):
            for signed in readable(AuditCheckpoint, [record.value for record in records]):
                if signed.cluster == cluster:
                    known = End(cluster, partition, signed.sequence, bytes.fromhex(signed.head), signed.next_offset)
        if known is not None:
            logger.warning("the links of a chain are gone from the log", extra={"partition": partition})
            return known
        end, opening = open_chain(cluster, partition, earlier, self._clock())
        await self._log.publish(AUDIT_LINKS.name, partition, [_publication(opening)])
        return end

    async def let_go(self) -> None:
        """Finish the links under way, sign what is not signed, and forget all chains."""
        chains, self._chains = self._chains, {}
        await self._background.settled()
        for chain in chains.values():
            await self._certify(chain)

    def refine(self, topic: str, partition: int, marks: Marks) -> Marks:
        """Keep the mark of the links."""
        del topic
        return kept(marks, ((AUDIT_LINKS.name, partition),))

    async def receive(self, partition: int, records: Sequence[Record], acknowledge: Callable[[], object]) -> None:
        """Seal one delivery; it is acknowledged when its links are durable."""
        chain = self._chains.get(partition)
        if chain is None:
            return  # given up meanwhile: whoever gains the partition reads it again
        await self._background.start(self._seal(chain, partition, records, acknowledge))

    async def _seal(
        self, chain: _Chain, partition: int, records: Sequence[Record], acknowledge: Callable[[], object]
    ) -> None:
        if records[0].offset > chain.end.next_offset:
            records = [*await self._missed(partition, chain.end.next_offset, records[0].offset), *records]
        for start in range(0, len(records), RECORDS_PER_EVENT):
            end, links = seal(chain.end, records[start : start + RECORDS_PER_EVENT], self._clock())
            if links is not None:
                await self._log.publish(AUDIT_LINKS.name, partition, [_publication(links)])
                chain.end = end
        acknowledge()

    async def _missed(self, partition: int, start: int, end: int) -> list[Record]:
        """Return what lies between the chain's end and a delivery: acknowledged once, but its links are not there."""
        found: list[Record] = []
        async for records in self._log.read({(AUDIT.name, partition): start}):
            found += [record for record in records if start <= record.offset < end]
            if records[-1].offset >= end:
                break
        return found

    def tick(self) -> None:
        """Sign what is due."""
        now = self._clock()
        for chain in self._chains.values():
            fresh = chain.end.sequence - max(0, chain.certified)
            waited = now - chain.certified_at
            due = fresh >= self._settings.checkpoint_records or waited >= self._settings.checkpoint_seconds
            if chain.end.sequence != chain.certified and due and not chain.certifying and self._notary is not None:
                chain.certifying = True
                self._background.start(self._certify(chain))

    async def _certify(self, chain: _Chain) -> None:
        """Sign a chain's end: on the disk first, for whoever can cut the log must not be able to prevent that."""
        if self._notary is None or chain.certified == chain.end.sequence:
            return
        end, now = chain.end, self._clock()
        try:
            signed = await asyncio.to_thread(self._notary.append, end, now)
            value = signed.model_dump_json().encode()
            key = str(end.partition).encode()
            event = cloud_event(AUDIT_CHECKPOINTS, signed.id, None, signed.signed_at, value, key=key)
            await self._log.publish(AUDIT_CHECKPOINTS.name, end.partition, [event])
            chain.certified = end.sequence
        except ConfigurationError as wrong:
            # The chain goes on, and the next checkpoint vouches for all before it.
            logger.error("a checkpoint cannot be signed", extra={"partition": end.partition, "error": str(wrong)})
        finally:
            chain.certified_at, chain.certifying = now, False


def _learn(
    partition: int, links: AuditLinks, cluster: str, ends: dict[int, End], earlier: dict[int, ChainEnd]
) -> None:
    """Take in one event of `asahi.audit.links`: of this log's chain, or, restored, of an earlier one."""
    try:
        if links.cluster == cluster:
            ends[partition] = extend(ends.get(partition), links)
        else:
            earlier[partition] = extend(None, links).named()
    except ChainBroken as fork:
        logger.error(
            "links that contradict the chain are passed over; see `asahi audit verify`",
            extra={"partition": partition, "id": links.id, "sequence": fork.sequence},
        )


def _publication(links: AuditLinks) -> Publication:
    value = links.model_dump_json(exclude_defaults=True).encode()
    key = str(links.partition).encode()
    return cloud_event(AUDIT_LINKS, links.id, None, links.sealed_at, value, key=key)
