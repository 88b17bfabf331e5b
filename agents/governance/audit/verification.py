"""Verifying the whole trail: every chain of every log against its records, its checkpoints and the chain after it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain as chained
from pathlib import Path
from typing import NamedTuple, Protocol

from agents.governance.audit.checkpoints import TrustedKeys
from agents.governance.audit.examination import Examination
from agents.governance.audit.examined import Attested, Seen, Tally
from agents.governance.audit.findings import Findings
from agents.governance.audit.journal import journal_files
from agents.governance.audit.journal_reading import Vouched, compare_published, read_journal
from schemas.audit_chain import AuditCheckpoint, AuditLinks


class Place(NamedTuple):
    """Where a chain is: one partition of one log."""

    cluster: str
    partition: int


class Source(Protocol):
    """Where records and links are read from.

    Attributes:
        whole: It holds every chain from its beginning.
    """

    whole: bool

    async def places(self) -> list[Place]:
        """Return the chains there are, the oldest log first."""
        ...

    async def openings(self) -> list[AuditLinks]:
        """Return the openings of all chains, each of which names the chain before it."""
        ...

    def records(self, place: Place) -> AsyncIterator[Sequence[Seen]]:
        """Yield the records of a partition in order of offset."""
        ...

    def links(self, place: Place) -> AsyncIterator[Sequence[AuditLinks]]:
        """Yield the links of a partition in the order in which they were published."""
        ...

    def checkpoints(self, place: Place) -> AsyncIterator[Sequence[AuditCheckpoint]]:
        """Yield the checkpoints that were published on a partition."""
        ...


@dataclass(frozen=True, slots=True)
class ChainReport:
    """One chain, verified."""

    place: Place
    tally: Tally


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of it.

    Attributes:
        chains: All that were looked at.
        findings: What is wrong.
        checkpoints: Signatures that hold, by partition.
        keys: Ids of the keys that were trusted.
    """

    chains: tuple[ChainReport, ...]
    findings: Findings
    checkpoints: int
    keys: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not len(self.findings)


async def verify(
    source: Source,
    folders: Iterable[Path],
    trusted: TrustedKeys,
    *,
    now: float,
    grace_seconds: float,
    partition: int | None = None,
) -> Verification:
    """Verify the audit trail.

    Args:
        source: Records and links.
        folders: Journals of checkpoints, of every machine whose journals are at hand.
        trusted: Keys whose signatures count.
        now: Unix seconds.
        grace_seconds: So long may a record wait for its seal, or for its way to the source.
        partition: Only this one.
    """
    findings = Findings()
    places = [place for place in await source.places() if partition in (None, place.partition)]
    # Before the journals: a checkpoint is a line there before it is published, and more are signed meanwhile.
    published = [one for place in places async for checkpoints in source.checkpoints(place) for one in checkpoints]
    vouched = _read_journals(folders, trusted, findings, partition)
    for one in published:
        compare_published(one, trusted, findings, vouched.setdefault(one.partition, Vouched()))
    for opening in await source.openings():
        if opening.follows is not None and partition in (None, opening.partition):
            by = f"the chain of log {opening.cluster}"
            follows = opening.follows
            head = Attested(follows.sequence, follows.head, by, opening.sealed_at.timestamp())
            into = vouched.setdefault(opening.partition, Vouched())
            into.attested.setdefault(follows.cluster, []).append(head)
    reports = []
    for place in chained(places, _gone(places, vouched) if source.whole else ()):
        attested = sorted(vouched.get(place.partition, Vouched()).attested.get(place.cluster, ()))
        examination = Examination(*place, attested, findings, whole=source.whole)
        await _examine(source, place, examination)
        examination.finish(now, grace_seconds)
        reports.append(ChainReport(place, examination.tally))
    findings.recognise_moves()
    checkpoints_held = sum(one.checkpoints for one in vouched.values())
    return Verification(tuple(reports), findings, checkpoints_held, tuple(trusted.ids))


def _read_journals(
    folders: Iterable[Path], trusted: TrustedKeys, findings: Findings, partition: int | None
) -> dict[int, Vouched]:
    vouched: dict[int, Vouched] = {}
    for folder in folders:
        for number, path in journal_files(folder):
            if partition in (None, number):
                with path.open("rb") as lines:
                    read_journal(lines, number, trusted, findings, vouched.setdefault(number, Vouched()))
    return vouched


def _gone(places: Sequence[Place], vouched: dict[int, Vouched]) -> list[Place]:
    """Return the chains that somebody vouches for and of which nothing is left."""
    named = {Place(cluster, number) for number, one in vouched.items() for cluster in one.attested}
    return sorted(named - set(places))


async def _examine(source: Source, place: Place, examination: Examination) -> None:
    """Let records and links stream by, the links as far ahead as the records need."""
    links = source.links(place)
    more_links = True
    async for records in source.records(place):
        while more_links and records and examination.sealed_until <= records[-1].offset:
            more_links = await _take_links(links, examination)
        examination.add_records(records)
    while more_links:
        more_links = await _take_links(links, examination)


async def _take_links(links: AsyncIterator[Sequence[AuditLinks]], examination: Examination) -> bool:
    batch = await anext(links, None)
    for one in batch or ():
        examination.add_links(one)
    return batch is not None
