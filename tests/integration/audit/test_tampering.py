"""What is done to the trail in ClickHouse and to the files of checkpoints is found, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.governance.audit.chain import digest_of
from agents.governance.audit.findings import Kind
from schemas.audit_chain import AuditCheckpoint, ChainEnd
from schemas.settings import Settings
from streams.topics import AUDIT, AUDIT_CHECKPOINTS, AUDIT_LINKS
from streams.warehouse.client import Warehouse
from tests.integration.audit.trail import Trail
from tests.unit.governance.audit.records import audit_record

SUBJECTS = [f"request-{number}" for number in range(20)]
ONE, RUN = "cluster = 'log-1' AND offset = ", "cluster = 'log-1'"


@pytest.fixture
async def trail(settings: Settings, warehouse: Warehouse, tmp_path: Path) -> Trail:
    """Twenty sealed records on one log."""
    written = Trail(warehouse, tmp_path)
    await written.run("log-1", SUBJECTS)
    return written


async def test_a_clean_trail_verifies(trail: Trail) -> None:
    verification = await trail.verified()
    assert verification.findings.kept == []
    (report,) = verification.chains
    assert (report.tally.records, report.tally.sealed, report.tally.attested) == (20, 20, 4)
    assert verification.checkpoints == 4


@pytest.mark.parametrize("rows", [2, 3, 4, 20])
async def test_pages_may_end_anywhere(trail: Trail, rows: int) -> None:
    await trail.copy({"value": "concat(value, ' ')"}, f"{RUN} AND offset IN (2, 3)")
    verification = await trail.verified(rows)
    found = [(one.kind, one.offset) for one in verification.findings.kept]
    assert found == [(Kind.INSERTED, 2), (Kind.INSERTED, 3)]


async def test_one_byte_changed(trail: Trail) -> None:
    await trail.tamper(
        "ALTER TABLE archive_store UPDATE value = replaceOne(value, 'rejected', 'accepted') "
        f"WHERE topic = '{AUDIT.name}' AND {ONE}7"
    )
    (one,) = (await trail.verified()).findings.kept
    assert (one.kind, one.cluster, one.partition, one.offset) == (Kind.CHANGED, "log-1", 0, 7)
    assert one.record_id == "rejection/acme/request-7"
    assert one.expected == digest_of(audit_record(7)).hex() != one.found


async def test_one_record_deleted(trail: Trail) -> None:
    await trail.delete(AUDIT.name, f"{ONE}7")
    assert await trail.found() == [(Kind.MISSING, 7)]


async def test_two_records_swapped(trail: Trail) -> None:
    await trail.copy({"offset": "if(offset = 7, 8, 7)", "cluster": "'hidden'"}, f"{RUN} AND offset IN (7, 8)")
    await trail.delete(AUDIT.name, f"{RUN} AND offset IN (7, 8)")
    await trail.copy({"cluster": "'log-1'"}, "cluster = 'hidden'")
    await trail.delete(AUDIT.name, "cluster = 'hidden'")
    verification = await trail.verified()
    assert [(one.kind, one.offset) for one in verification.findings.kept] == [
        (Kind.REORDERED, 7),
        (Kind.REORDERED, 8),
    ]
    assert "sealed at offset 8" in verification.findings.kept[0].detail


async def test_one_record_inserted_beside_another(trail: Trail) -> None:
    await trail.copy({"value": "concat(value, ' ')"}, f"{ONE}7")
    assert await trail.found() == [(Kind.INSERTED, 7)]


async def test_one_record_inserted_at_the_end(trail: Trail) -> None:
    await trail.copy({"offset": "20"}, f"{ONE}7")
    assert await trail.found() == [(Kind.UNSEALED, 20)]


async def test_records_of_the_tail_cut(trail: Trail) -> None:
    await trail.delete(AUDIT.name, f"{RUN} AND offset >= 15")
    assert await trail.found() == [(Kind.CUT, 15)]


async def test_records_and_links_of_the_tail_cut(trail: Trail) -> None:
    await trail.delete(AUDIT.name, f"{RUN} AND offset >= 15")
    await trail.delete(AUDIT_LINKS.name, f"{RUN} AND offset >= 4")
    (one,) = (await trail.verified()).findings.kept
    assert (one.kind, one.sequence) == (Kind.CUT, 20)
    assert "vouches for 20 sealed records, but the chain ends at 15" in one.detail


async def test_records_links_and_published_checkpoints_cut(trail: Trail) -> None:
    """Everything that ClickHouse has: the file still tells."""
    await trail.delete(AUDIT.name, f"{RUN} AND offset >= 15")
    await trail.delete(AUDIT_LINKS.name, f"{RUN} AND offset >= 4")
    await trail.delete(AUDIT_CHECKPOINTS.name, f"{RUN} AND offset >= 3")
    assert await trail.found() == [(Kind.CUT, None)]


async def test_records_links_and_the_newest_line_of_the_file_cut(trail: Trail) -> None:
    """The published checkpoint still tells, and that the file was cut."""
    await trail.delete(AUDIT.name, f"{RUN} AND offset >= 15")
    await trail.delete(AUDIT_LINKS.name, f"{RUN} AND offset >= 4")
    cut_lines(trail.journal(), keep=3)
    assert await trail.found() == [(Kind.CHECKPOINT_MISSING, None), (Kind.CUT, None)]


async def test_cut_everywhere_to_the_same_point_is_not_found(trail: Trail) -> None:
    """Records, links, published checkpoints and the file: only a copy kept elsewhere tells, as here."""
    copy = trail.journal().read_bytes()
    await trail.delete(AUDIT.name, f"{RUN} AND offset >= 15")
    await trail.delete(AUDIT_LINKS.name, f"{RUN} AND offset >= 4")
    await trail.delete(AUDIT_CHECKPOINTS.name, f"{RUN} AND offset >= 3")
    cut_lines(trail.journal(), keep=3)
    assert await trail.found() == []
    trail.journal().write_bytes(copy)
    assert await trail.found() == [(Kind.CUT, None)]


async def test_a_line_taken_out_of_the_file_and_one_changed(trail: Trail) -> None:
    lines = trail.journal().read_bytes().splitlines(keepends=True)
    trail.journal().write_bytes(b"".join([lines[0], *lines[2:]]))
    kinds = {kind for kind, _ in await trail.found()}
    assert kinds == {Kind.CHECKPOINT_MISSING}
    trail.journal().write_bytes(b"".join([*lines[:3], lines[3].replace(b'"sequence":20', b'"sequence":15')]))
    found = [one.kind for one in (await trail.verified()).findings.kept]
    assert found == [Kind.CHECKPOINT_FORGED, Kind.CHECKPOINT_MISSING]


async def test_a_forged_published_checkpoint(trail: Trail) -> None:
    await trail.tamper(
        "ALTER TABLE archive_store UPDATE value = replaceOne(value, '\"sequence\":20', '\"sequence\":21') "
        f"WHERE topic = '{AUDIT_CHECKPOINTS.name}' AND offset = 3"
    )
    assert await trail.found() == [(Kind.CHECKPOINT_FORGED, None)]


async def test_links_changed_or_removed(trail: Trail) -> None:
    await trail.delete(AUDIT_LINKS.name, f"{ONE}2")
    assert await trail.found() == [(Kind.LINKS_MISSING, None)]
    await trail.delete(AUDIT_LINKS.name, "1")
    kinds = [kind for kind, _ in await trail.found()]
    assert kinds == [*[Kind.CUT] * 4, Kind.UNSEALED]


async def test_the_next_log_names_the_end_of_this_one(trail: Trail) -> None:
    """A whole run cut off with all its checkpoints is missed by the run after it."""
    end = await Trail(trail.warehouse, trail.folder).run("log-2", SUBJECTS[:3], follows=last(trail))
    await Trail(trail.warehouse, trail.folder).run("log-3", SUBJECTS[:2], follows=end.named())
    assert await trail.found() == []
    for topic in (AUDIT.name, AUDIT_LINKS.name, AUDIT_CHECKPOINTS.name):
        await trail.delete(topic, "cluster = 'log-2'")
    kept = [line for line in trail.journal().read_bytes().splitlines(keepends=True) if b"log-2" not in line]
    trail.journal().write_bytes(b"".join(kept))
    verification = await trail.verified()
    found = {(one.kind, one.cluster) for one in verification.findings.kept}
    assert (Kind.CUT, "log-2") in found
    assert any("the chain of log log-3 vouches for 3" in one.detail for one in verification.findings.kept)
    assert (Kind.CHECKPOINT_MISSING, "log-3") in found, "the lines before it are not those it was written after"


def last(trail: Trail) -> ChainEnd:
    newest = AuditCheckpoint.model_validate_json(trail.journal().read_bytes().splitlines()[-1])
    return ChainEnd(cluster=newest.cluster, sequence=newest.sequence, head=newest.head)


def cut_lines(path: Path, keep: int) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:keep]))
