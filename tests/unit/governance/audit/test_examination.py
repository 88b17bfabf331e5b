from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.governance.audit.chain import digest_of, heads
from agents.governance.audit.examination import Examination
from agents.governance.audit.examined import Attested, Seen
from agents.governance.audit.findings import FINDINGS_KEPT, Finding, Findings, Kind
from schemas.audit_chain import AuditLinks
from streams.records import Record
from streams.stage import moment
from tests.unit.governance.audit.records import CLUSTER, NOW, audit_record, sealed

RECORDS = [audit_record(offset) for offset in range(10)]
END, LINKS = sealed(RECORDS)
LATER = NOW + 3600
GRACE = 60.0
SIGNED = Attested(10, END.head.hex(), "the checkpoint", NOW)

Rows = list[Record]


def seen(records: Sequence[Record]) -> list[Seen]:
    return [
        Seen(one.offset, digest_of(one), one.value.decode()[:20] if one.value else "", one.timestamp)
        for one in records
    ]


def examined(
    records: Sequence[Record],
    links: Sequence[AuditLinks] = LINKS,
    attested: Sequence[Attested] = (SIGNED,),
    *,
    now: float = LATER,
    page: int = 4,
    whole: bool = True,
) -> tuple[Findings, Examination]:
    """Return what is found when records and links stream by, the links as far ahead as the records need."""
    findings = Findings()
    examination = Examination(CLUSTER, 0, attested, findings, whole=whole)
    ahead = iter(links)
    rows = seen(records)
    for start in range(0, len(rows), page):
        batch = rows[start : start + page]
        while examination.sealed_until <= batch[-1].offset and (one := next(ahead, None)) is not None:
            examination.add_links(one)
        examination.add_records(batch)
    for one in ahead:
        examination.add_links(one)
    examination.finish(now, GRACE)
    findings.recognise_moves()
    return findings, examination


def found(
    records: Sequence[Record], links: Sequence[AuditLinks] = LINKS, **options: object
) -> list[tuple[Kind, int | None]]:
    findings, _ = examined(records, links, **options)  # type: ignore[arg-type]
    return [(one.kind, one.offset) for one in findings.kept]


def at(record: Record, offset: int) -> Record:
    return record._replace(offset=offset)


def changed(record: Record, **fields: object) -> Record:
    return record._replace(**fields)  # type: ignore[arg-type]


def test_a_clean_chain_is_sound_and_counted() -> None:
    findings, examination = examined(RECORDS)
    assert findings.kept == []
    tally = examination.tally
    assert (tally.records, tally.sealed, tally.attested, tally.pending, tally.unchained) == (10, 10, 1, 0, 0)


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (lambda r: [*r[:4], changed(r[4], value=r[4].value + b" "), *r[5:]], [(Kind.CHANGED, 4)]),
        (lambda r: [*r[:4], changed(r[4], key=b"zeta"), *r[5:]], [(Kind.CHANGED, 4)]),
        (lambda r: [*r[:4], changed(r[4], headers=r[4].headers[1:]), *r[5:]], [(Kind.CHANGED, 4)]),
        (lambda r: [*r[:4], changed(r[4], timestamp=NOW + 1), *r[5:]], [(Kind.CHANGED, 4)]),
        (lambda r: [*r[:4], *r[5:]], [(Kind.MISSING, 4)]),
        (lambda r: r[1:], [(Kind.MISSING, 0)]),
        (lambda r: [*r[:4], at(r[5], 4), at(r[4], 5), *r[6:]], [(Kind.REORDERED, 4), (Kind.REORDERED, 5)]),
        (lambda r: [*r[:5], audit_record(4, "put in"), *r[5:]], [(Kind.INSERTED, 4)]),
        (lambda r: [*r, audit_record(10, "put in")], [(Kind.UNSEALED, 10)]),
        (lambda r: r[:7], [(Kind.CUT, 7)]),
        (lambda r: [], [(Kind.CUT, 0)]),
    ],
)
def test_what_was_done_to_records_is_found_where_it_was_done(
    tamper: Callable[[Rows], Rows], expected: list[tuple[Kind, int]]
) -> None:
    assert found(tamper(RECORDS)) == expected


def test_a_finding_says_what_was_expected_and_what_is_there() -> None:
    forged = audit_record(4, "forged")
    findings, _ = examined([*RECORDS[:4], forged, *RECORDS[5:]])
    (one,) = findings.kept
    assert (one.expected, one.found) == (digest_of(RECORDS[4]).hex(), digest_of(forged).hex())
    assert (one.cluster, one.partition, one.sequence) == (CLUSTER, 0, 5)


def test_records_shifted_by_one_put_in_are_all_recognised() -> None:
    shifted = [*RECORDS[:4], audit_record(4, "put in"), *(at(one, one.offset + 1) for one in RECORDS[4:])]
    kinds = found(shifted)
    assert kinds[0] == (Kind.CHANGED, 4)
    assert {kind for kind, _ in kinds[1:-1]} == {Kind.REORDERED}
    assert kinds[-1] == (Kind.UNSEALED, 10)


def test_the_same_record_twice_is_not_a_finding() -> None:
    """Two sinks may archive the same block."""
    twice = [one for one in RECORDS for _ in range(2)]
    assert found(twice, page=3) == []


def test_two_different_records_at_one_offset_are_found_whichever_is_first() -> None:
    for pair in ([RECORDS[4], audit_record(4, "x")], [audit_record(4, "x"), RECORDS[4]]):
        assert found([*RECORDS[:4], *pair, *RECORDS[5:]]) == [(Kind.INSERTED, 4)]


def test_what_is_new_may_wait_for_its_seal_for_a_while() -> None:
    fresh = audit_record(10, at=NOW)
    findings, examination = examined([*RECORDS, fresh], now=NOW + 1)
    assert (findings.kept, examination.tally.pending) == ([], 1)
    assert found(RECORDS[:8], now=NOW + 1) == [], "on the way to the archive"


def test_links_cannot_be_made_to_look_new() -> None:
    """Their times are not signed: who sets them to now still meets the checkpoint, and to later is found."""
    newest = LINKS[-1].model_copy(update={"sealed_at": moment(LATER)})
    assert found(RECORDS[:9], [*LINKS[:-1], newest]) == [(Kind.CUT, 9)]
    later = LINKS[-1].model_copy(update={"sealed_at": moment(LATER + 2 * GRACE)})
    assert found(RECORDS[:9], [*LINKS[:-1], later], attested=()) == [(Kind.CUT, 9)]
    assert found([*RECORDS, audit_record(10, at=LATER + 2 * GRACE)]) == [(Kind.UNSEALED, 10)]


def test_a_cut_tail_is_found_by_whoever_vouches_for_more() -> None:
    """Records and links are gone: only the checkpoint tells."""
    assert found(RECORDS[:6], LINKS[:3]) == [(Kind.CUT, None)]
    assert found(RECORDS[:6], LINKS[:3], attested=()) == [], "and without it nothing does"


def test_links_may_be_repeated_and_may_overlap() -> None:
    _, wide = sealed(RECORDS, each=5)
    repeated = [LINKS[0], LINKS[0], LINKS[1], LINKS[2], LINKS[1], wide[2], *LINKS[3:]]
    assert found(RECORDS, repeated) == []


def test_links_of_the_same_records_that_differ_are_a_fork_and_the_first_count() -> None:
    _, others = sealed([*RECORDS[:3], audit_record(3, "other"), *RECORDS[4:]])
    assert found(RECORDS, [*LINKS, others[2]]) == [(Kind.FORK, None)]


def test_changed_links_are_found() -> None:
    digests = ("00" * 32, *LINKS[2].digests[1:])
    forged = LINKS[2].model_copy(update={"digests": digests})
    assert found(RECORDS, [*LINKS[:2], forged, *LINKS[3:]]) == [(Kind.LINKS_CHANGED, None), (Kind.CHANGED, 3)]


def test_records_changed_with_their_links_break_the_chain_and_contradict_the_checkpoint() -> None:
    """Whoever recomputes one event of links would have to recompute all after it, and the signature."""
    forged = [*RECORDS[:4], audit_record(4, "forged"), *RECORDS[5:]]
    _, others = sealed(forged)
    assert found(forged, [*LINKS[:2], others[2], *LINKS[3:]]) == [(Kind.LINKS_CHANGED, None)]
    assert found(forged, others) == [(Kind.CHECKPOINT_CONTRADICTED, None)]


def test_missing_links_are_found_and_the_records_are_still_checked_as_a_whole() -> None:
    assert found(RECORDS, [*LINKS[:2], *LINKS[3:]]) == [(Kind.LINKS_MISSING, None)]
    forged = [*RECORDS[:4], audit_record(4, "forged"), *RECORDS[5:]]
    assert found(forged, [*LINKS[:2], *LINKS[3:]]) == [(Kind.LINKS_MISSING, None), (Kind.CHANGED, 3)]
    assert found(RECORDS, LINKS[1:]) == [(Kind.LINKS_MISSING, None)], "the opening"
    assert found(RECORDS[3:], LINKS[2:], whole=False) == []


def test_an_opening_that_names_another_predecessor_is_found() -> None:
    opening = LINKS[0].model_copy(update={"cluster": "log-0"})
    forged = opening.model_copy(update={"follows": {"cluster": "log-0", "sequence": 1, "head": "00" * 32}})
    forged = AuditLinks.model_validate_json(forged.model_dump_json(warnings=False))
    assert found(RECORDS, [forged, *LINKS[1:]])[0] == (Kind.LINKS_CHANGED, None)


def test_memory_stays_small_when_everything_is_wrong() -> None:
    findings = Findings()
    for offset in range(3 * FINDINGS_KEPT):
        findings.add(Finding(Kind.CHANGED, CLUSTER, 0, "", offset=offset))
    assert (len(findings.kept), len(findings)) == (FINDINGS_KEPT, 3 * FINDINGS_KEPT)


def head_at(sequence: int) -> str:
    known = [head for links in LINKS for head in heads(links)[1:]]
    return (known[sequence - 1] if sequence else heads(LINKS[0])[0]).hex()


rows = st.lists(st.sampled_from([*RECORDS, *(audit_record(offset, "forged") for offset in range(10))]), max_size=12)


@given(rows=rows, sequences=st.sets(st.integers(0, 10)), page=st.integers(1, 5))
def test_sound_means_that_the_rows_are_the_records(rows: Rows, sequences: set[int], page: int) -> None:
    """Whatever the archive is made to hold: nothing is found only if it is what was sealed, repeats aside."""
    archived = sorted(rows, key=lambda record: record.offset)
    attested = [Attested(one, head_at(one), "somebody", NOW) for one in sorted(sequences)]
    sound = not found(archived, attested=attested, page=page)
    assert sound == (set(archived) == set(RECORDS))
