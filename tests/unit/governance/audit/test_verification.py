"""Verifying while the trail goes on: what is signed meanwhile is not missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from agents.governance.audit.checkpoints import TrustedKeys
from agents.governance.audit.examined import Seen
from agents.governance.audit.journal import Journals
from agents.governance.audit.verification import Place, verify
from schemas.audit_chain import AuditCheckpoint, AuditLinks
from tests.unit.governance.audit.records import CLUSTER, NOW
from tests.unit.governance.audit.test_journal import KEY, end


class Busy:
    """A trail of which a checkpoint is signed and published while it is read."""

    whole = False

    def __init__(self, journals: Journals) -> None:
        self._journals = journals

    async def places(self) -> list[Place]:
        return [Place(CLUSTER, 0)]

    async def openings(self) -> list[AuditLinks]:
        return []

    async def records(self, place: Place) -> AsyncIterator[Sequence[Seen]]:
        nothing: list[Seen] = []
        yield nothing

    async def links(self, place: Place) -> AsyncIterator[Sequence[AuditLinks]]:
        nothing: list[AuditLinks] = []
        yield nothing

    async def checkpoints(self, place: Place) -> AsyncIterator[Sequence[AuditCheckpoint]]:
        yield [self._journals.append(end(2, place.partition), NOW)]


async def test_a_checkpoint_that_is_signed_meanwhile_is_not_missing(tmp_path: Path) -> None:
    journals = Journals(tmp_path, KEY)
    journals.append(end(1), NOW)
    trusted = TrustedKeys([KEY.public_key()])
    found = await verify(Busy(journals), [tmp_path], trusted, now=NOW, grace_seconds=60.0)
    assert found.checkpoints == 2
    assert not [one for one in found.findings.kept if "not in the journal" in one.detail]
