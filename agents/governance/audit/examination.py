"""Comparing one partition's records with the chain that was made of them, as both stream by.

Links may be repeated by a sealer that had been replaced without knowing it: what repeats must agree. Of links that
contradict each other those that came first count, and the others are a finding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from agents.governance.audit.chain import genesis, link
from agents.governance.audit.examined import Attested, Expected, Gap, Seen, Tally
from agents.governance.audit.findings import Finding, Findings, Kind
from schemas.audit_chain import AuditLinks

HEADS_REMEMBERED = 100_000
"""So far back may links be repeated: some thousand events of a sealer that was replaced."""

VOUCHED_REMEMBERED = 1_000
"""Newest heads that were vouched for; the oldest of them is older than any grace."""


class Examination:
    """One chain under examination.

    Args:
        attested: In order of sequence.
        whole: The chain is there from its opening; otherwise the first links are taken as they are.
        findings: Gets what is wrong.
    """

    def __init__(
        self, cluster: str, partition: int, attested: Iterable[Attested], findings: Findings, *, whole: bool
    ) -> None:
        self.tally = Tally()
        self._cluster = cluster
        self._partition = partition
        self._attested: Iterator[Attested] = iter(attested)
        self._next_attested = next(self._attested, None)
        self._findings = findings
        self._whole = whole
        self._begun = False
        self._sequence = 0
        self._first_offset: int | None = None
        self._next_offset = 0
        self._heads: list[bytes] = []
        self._heads_from = 0
        self._expected: deque[Expected] = deque()
        self._gaps: deque[Gap] = deque()
        self._group: list[Seen] = []
        self._unsealed: list[Seen] = []
        self._vouched: list[Attested] = []

    @property
    def sealed_until(self) -> int:
        """Everything before this offset is in the links taken in so far."""
        return self._next_offset

    def add_links(self, links: AuditLinks) -> None:
        """Take in the next event of links."""
        self.tally.links += 1
        base = max(0, links.sequence - 1)
        found = [bytes.fromhex(links.previous)]
        for offset, digest in zip(links.offsets, links.digests, strict=False):
            found.append(link(found[-1], offset, bytes.fromhex(digest)))
        if found[-1].hex() != links.head or len(links.offsets) != len(links.digests):
            detail = f"the links of {links.id} do not come to the head that they state"
            self._find(
                Kind.LINKS_CHANGED, detail, sequence=links.sequence, expected=links.head, found=found[-1].hex()
            )
            found[-1] = bytes.fromhex(links.head)
        if not self._begun:
            self._begin(links, base, found)
        elif base > self._sequence:
            detail = f"the links of {base - self._sequence} records before {links.id} are missing"
            self._find(Kind.LINKS_MISSING, detail, sequence=self._sequence + 1)
            after = links.offsets[0] if links.offsets else self._next_offset
            self._gaps.append(Gap(self._next_offset, after, self._heads[-1], found[0]))
            self._sequence, self._heads, self._heads_from = base, found[:1], base
        elif not self._agrees(links, base, found):
            return
        self._append(links, base, found)

    def _begin(self, links: AuditLinks, base: int, found: list[bytes]) -> None:
        self._begun = True
        self._sequence, self._heads, self._heads_from = base, found[:1], base
        if links.sequence == 0:
            opening = genesis(self._cluster, self._partition, links.follows).hex()
            if opening != links.head:
                self._find(Kind.LINKS_CHANGED, "the chain's opening was changed", expected=opening, found=links.head)
        elif self._whole:
            self._find(Kind.LINKS_MISSING, f"the chain begins with {links.id}, its opening is missing", sequence=0)

    def _agrees(self, links: AuditLinks, base: int, found: list[bytes]) -> bool:
        """Return whether an event fits to what is known; if not, say so. One that follows directly counts anyhow."""
        for sequence, head in enumerate(found, base):
            place = sequence - self._heads_from
            if 0 <= place < len(self._heads) and self._heads[place] != head:
                known = self._heads[place].hex()
                if base == self._sequence:
                    detail = f"the links of {links.id} do not follow those before them"
                    self._find(Kind.LINKS_CHANGED, detail, sequence=sequence, expected=known, found=head.hex())
                    return True
                detail = f"the links of {links.id} contradict others of the same records"
                self._find(Kind.FORK, detail, sequence=sequence, expected=known, found=head.hex())
                return False
        return True

    def _append(self, links: AuditLinks, base: int, found: list[bytes]) -> None:
        self._check_attested(base, found)
        sealed_at = links.sealed_at.timestamp()
        for sequence, (offset, digest) in enumerate(zip(links.offsets, links.digests, strict=False), base + 1):
            if sequence <= self._sequence:
                continue
            if offset < self._next_offset:
                self._find(Kind.LINKS_CHANGED, f"{links.id} seals offset {offset} again", sequence=sequence)
                continue
            if self._first_offset is None:
                self._first_offset = offset
            self._expected.append(Expected(offset, bytes.fromhex(digest), sequence, sealed_at))
            self._next_offset = offset + 1
            self.tally.sealed += 1
        fresh = found[max(0, self._sequence - base) + 1 :]
        self._heads += fresh
        self._sequence = max(self._sequence, base + len(found) - 1)
        if len(self._heads) > 2 * HEADS_REMEMBERED:
            self._heads_from += len(self._heads) - HEADS_REMEMBERED
            del self._heads[:-HEADS_REMEMBERED]

    def _check_attested(self, base: int, found: list[bytes]) -> None:
        while (one := self._next_attested) is not None and one.sequence < base + len(found):
            if one.sequence >= base:
                self.tally.attested += 1
                self._vouched.append(one)
                del self._vouched[:-VOUCHED_REMEMBERED]
                head = found[one.sequence - base].hex()
                if head != one.head:
                    detail = f"the chain is not the one that {one.by} vouches for"
                    self._find(
                        Kind.CHECKPOINT_CONTRADICTED, detail, sequence=one.sequence, expected=one.head, found=head
                    )
            self._next_attested = next(self._attested, None)

    def add_records(self, records: Sequence[Seen]) -> None:
        """Take in the next records in order of offset, once the links cover them as far as there are any."""
        for record in records:
            if self._group and self._group[0].offset != record.offset:
                self._settle_group()
            self._group.append(record)

    def _settle_group(self) -> None:
        """Compare all that stands at one offset: usually one record, or the same one twice."""
        group, self._group = self._group, []
        offset = group[0].offset
        self.tally.records += 1
        expected = self._expected
        while expected and expected[0].offset < offset:
            self._missing(expected.popleft())
        while self._gaps and offset >= self._gaps[0].after:
            self._settle_gap(self._gaps.popleft())
        if expected and expected[0].offset == offset:
            self._compare(expected.popleft(), group)
        elif self._first_offset is None or offset >= self._next_offset:
            self._unsealed.append(group[0])
            del self._unsealed[1:-1]  # the oldest and the newest tell all
            self.tally.pending += 1
        elif offset < self._first_offset:
            self.tally.unchained += 1
        elif self._gaps and offset >= self._gaps[0].before:
            self._gaps[0].take(group[0])
        else:
            self._inserted(group[0], "this record was never sealed")

    def _settle_gap(self, gap: Gap) -> None:
        if not gap.intact:
            detail = (
                f"of the records before offset {gap.after}, whose links are missing, not all are as they were sealed"
            )
            self._find(Kind.CHANGED, detail, offset=gap.before, expected=gap.target.hex(), found=gap.head.hex())

    def _compare(self, expected: Expected, group: list[Seen]) -> None:
        others = {seen.digest: seen for seen in group}
        if others.pop(expected.digest, None) is None:
            (digest, seen), *_ = others.items()
            del others[digest]
            self._find(
                Kind.CHANGED,
                "this is not the record that was sealed",
                offset=expected.offset,
                sequence=expected.sequence,
                record_id=seen.id,
                expected=expected.digest.hex(),
                found=seen.digest.hex(),
            )
        for seen in others.values():
            self._inserted(seen, "another record stands at the same offset")

    def _inserted(self, seen: Seen, detail: str) -> None:
        self._find(Kind.INSERTED, detail, offset=seen.offset, record_id=seen.id, found=seen.digest.hex())

    def _missing(self, expected: Expected) -> None:
        self._find(
            Kind.MISSING,
            "the record that was sealed here is gone",
            offset=expected.offset,
            sequence=expected.sequence,
            expected=expected.digest.hex(),
        )

    def finish(self, now: float, grace_seconds: float) -> None:
        """Say what is missing at the end.

        Args:
            now: Unix seconds.
            grace_seconds: So long may a record wait for its seal, or what was sealed on the way to the archive.
        """
        if self._group:
            self._settle_group()
        for gap in self._gaps:
            self._settle_gap(gap)
        # What a checkpoint has vouched for long enough is late whatever its links say: their times are not signed.
        vouched = max((one.sequence for one in self._vouched if now - one.at > grace_seconds), default=0)
        late = [one for one in self._expected if one.sequence <= vouched or abs(now - one.sealed_at) > grace_seconds]
        self.tally.pending += len(self._expected) - len(late)
        if late:
            detail = (
                f"the newest {len(late)} records of the chain are gone, offsets {late[0].offset} to {late[-1].offset}"
            )
            expected = late[-1].digest.hex()
            self._find(Kind.CUT, detail, offset=late[0].offset, sequence=late[0].sequence, expected=expected)
        while (one := self._next_attested) is not None:
            if now - one.at > grace_seconds:
                there = f"the chain ends at {self._sequence}" if self._begun else "there is no chain"
                detail = f"{one.by} vouches for {one.sequence} sealed records, but {there}"
                self._find(Kind.CUT, detail, sequence=one.sequence, expected=one.head)
            self._next_attested = next(self._attested, None)
        if self._unsealed and abs(now - self._unsealed[0].at) > grace_seconds:
            self._find_unsealed(self._unsealed[0], now)

    def _find_unsealed(self, oldest: Seen, now: float) -> None:
        waited = f"for {now - oldest.at:.0f} s: no worker seals, or they were put in"
        detail = f"from here on no record was sealed, {waited}"
        self._find(Kind.UNSEALED, detail, offset=oldest.offset, record_id=oldest.id, found=oldest.digest.hex())

    def _find(
        self,
        kind: Kind,
        detail: str,
        *,
        offset: int | None = None,
        sequence: int | None = None,
        record_id: str | None = None,
        expected: str | None = None,
        found: str | None = None,
    ) -> None:
        finding = Finding(kind, self._cluster, self._partition, detail, offset, sequence, record_id, expected, found)
        self._findings.add(finding)
