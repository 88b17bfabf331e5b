"""The sealer on a log in memory: where it goes on, what it signs, and what does not stop it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.governance.audit.agent import Sealer
from agents.governance.audit.chain import End, extend, genesis
from agents.governance.audit.events import readable
from agents.governance.audit.journal import Journals
from schemas.audit_chain import AuditCheckpoint, AuditLinks
from schemas.errors import ConfigurationError
from schemas.settings import AuditSettings
from streams.background import Background
from streams.envelope import Publication
from streams.records import Record
from streams.topics import AUDIT, AUDIT_CHECKPOINTS, AUDIT_LINKS
from tests.memory.broker import MemoryBroker
from tests.memory.log import LOG_ID, MemoryLog
from tests.unit.governance.audit.records import NOW, audit_record, sealed

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OFTEN = AuditSettings(checkpoint_records=3, checkpoint_seconds=10)
HERE = frozenset({0})


class Trail:
    """One partition on a broker in memory, and sealers that come and go."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.broker = MemoryBroker(lambda: self.now)
        self.failures: list[BaseException] = []
        self.acknowledged = 0
        self._journals = Journals(folder, KEY)

    async def sealer(self, notary: Callable[[End, float], AuditCheckpoint] | None = None) -> Sealer:
        """Return one that has taken over."""

        class Signs:
            append = staticmethod(notary or self._journals.append)

        background = Background(self.failures.append)
        sealer = Sealer(OFTEN, MemoryLog(self.broker), background, lambda: self.now, Signs())
        await sealer.take_over(HERE, {})
        return sealer

    def written(self, count: int) -> list[Record]:
        """Append audit records; return all there are."""
        start = self.broker.end(AUDIT.name, 0)
        events = [audit_record(offset) for offset in range(start, start + count)]
        self.broker.append(AUDIT.name, 0, [Publication(e.value or b"", e.key, list(e.headers)) for e in events])
        return self.broker.topic(AUDIT.name)

    def acknowledge(self) -> None:
        self.acknowledged += 1

    def end(self) -> End:
        """Return the end of the chain; fails where it forks."""
        end = None
        for links in self.links():
            if links.cluster == LOG_ID:
                end = extend(end, links)
        assert end is not None
        return end

    def links(self) -> list[AuditLinks]:
        return readable(AuditLinks, [record.value for record in self.broker.topic(AUDIT_LINKS.name)])

    def checkpoints(self) -> list[AuditCheckpoint]:
        return readable(AuditCheckpoint, [record.value for record in self.broker.topic(AUDIT_CHECKPOINTS.name)])


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path)


async def test_what_is_delivered_again_is_acknowledged_and_sealed_once(trail: Trail) -> None:
    sealer = await trail.sealer()
    records = trail.written(5)
    await sealer.receive(0, records[:3], trail.acknowledge)
    await sealer.receive(0, records, trail.acknowledge)
    await sealer.receive(0, records, trail.acknowledge)
    assert (trail.acknowledged, trail.end().sequence) == (3, 5)
    assert [len(links.offsets) for links in trail.links()] == [0, 3, 2]


async def test_a_successor_goes_on_and_a_replaced_one_cannot_fork(trail: Trail) -> None:
    replaced = await trail.sealer()
    records = trail.written(4)
    await replaced.receive(0, records[:2], trail.acknowledge)
    successor = await trail.sealer()
    await successor.receive(0, records, trail.acknowledge)
    await replaced.receive(0, records, trail.acknowledge)
    assert trail.end().sequence == 4
    assert trail.end().head == (await trail.sealer())._chains[0].end.head


async def test_a_partition_that_was_given_up_is_neither_sealed_nor_acknowledged(trail: Trail) -> None:
    sealer = await trail.sealer()
    await sealer.let_go()
    await sealer.receive(0, trail.written(2), trail.acknowledge)
    assert (trail.acknowledged, trail.end().sequence) == (0, 0)


async def test_records_that_were_acknowledged_without_links_are_read_back(trail: Trail) -> None:
    sealer = await trail.sealer()
    records = trail.written(5)
    await sealer.receive(0, records[3:], trail.acknowledge)
    assert trail.end().sequence == 5


async def signed(trail: Trail, sealer: Sealer) -> list[int]:
    sealer.tick()
    await sealer._background.settled()
    return [one.sequence for one in trail.checkpoints()]


async def test_heads_are_signed_after_so_many_records_or_so_long_and_at_the_end(trail: Trail) -> None:
    sealer = await trail.sealer()
    records = trail.written(6)
    await sealer.receive(0, records[:2], trail.acknowledge)
    assert await signed(trail, sealer) == []
    await sealer.receive(0, records[:3], trail.acknowledge)
    assert await signed(trail, sealer) == [3]
    await sealer.receive(0, records[:4], trail.acknowledge)
    assert await signed(trail, sealer) == [3]
    trail.now += 10
    assert await signed(trail, sealer) == [3, 4]
    trail.now += 10
    assert await signed(trail, sealer) == [3, 4], "nothing is new"
    await sealer.receive(0, records, trail.acknowledge)
    await sealer.let_go()
    assert await signed(trail, sealer) == [3, 4, 6]
    assert trail.checkpoints()[-1].head == trail.end().head.hex()


async def test_a_checkpoint_that_cannot_be_signed_stops_nothing(
    trail: Trail, caplog: pytest.LogCaptureFixture
) -> None:
    def full(end: End, now: float) -> AuditCheckpoint:
        raise ConfigurationError("no space left on the device")

    sealer = await trail.sealer(full)
    await sealer.receive(0, trail.written(3), trail.acknowledge)
    assert await signed(trail, sealer) == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    await sealer.receive(0, trail.written(1), trail.acknowledge)
    assert (trail.end().sequence, trail.failures) == (4, [])


async def test_a_new_log_s_chain_names_the_restored_end_of_the_last_one(trail: Trail) -> None:
    end, events = sealed([audit_record(offset) for offset in range(4)])
    trail.broker.append(AUDIT_LINKS.name, 0, [Publication(events[-1].model_dump_json().encode(), b"0")])
    await trail.sealer()
    opening = trail.links()[-1]
    assert opening.follows == end.named()
    assert opening.head == genesis(LOG_ID, 0, end.named()).hex()


async def test_links_that_retention_has_taken_are_replaced_by_what_was_signed_of_them(trail: Trail) -> None:
    sealer = await trail.sealer()
    await sealer.receive(0, trail.written(3), trail.acknowledge)
    await sealer.let_go()
    known = trail.end()
    trail.broker.forget(AUDIT_LINKS.name, 0, trail.broker.end(AUDIT_LINKS.name, 0))
    successor = await trail.sealer()
    assert successor._chains[0].end == known
    await successor.receive(0, trail.written(2), trail.acknowledge)
    (links,) = trail.links()
    assert (links.sequence, links.previous) == (4, known.head.hex())


async def test_what_others_wrote_to_the_links_does_not_lead_it_astray(
    trail: Trail, caplog: pytest.LogCaptureFixture
) -> None:
    sealer = await trail.sealer()
    records = trail.written(3)
    await sealer.receive(0, records, trail.acknowledge)
    known, forged = trail.end(), trail.links()[-1].model_copy(update={"head": "00" * 32})
    junk = [b"no json", b"{}", forged.model_dump_json().encode()]
    trail.broker.append(AUDIT_LINKS.name, 0, [Publication(value, b"0") for value in junk])
    successor = await trail.sealer()
    assert successor._chains[0].end == known
    assert "contradict" in caplog.text
