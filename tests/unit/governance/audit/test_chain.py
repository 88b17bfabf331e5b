from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.governance.audit.chain import digest, digest_of, extend, genesis, heads, link, open_chain, seal
from schemas.audit_chain import AuditLinks, ChainEnd
from schemas.errors import ChainBroken
from tests.unit.governance.audit.records import CLUSTER, NOW, audit_record, sealed

RECORDS = [audit_record(offset) for offset in range(10)]
headers = st.dictionaries(st.text(max_size=3), st.binary(min_size=1, max_size=3), max_size=3)
contents = st.tuples(
    st.integers(0, 2**40), st.none() | st.binary(max_size=3), st.none() | st.binary(max_size=3), headers
)


def test_the_construction_is_what_the_documentation_says() -> None:
    """Computed here by hand, as a program of somebody else would."""

    def frame(part: bytes) -> bytes:
        return len(part).to_bytes(4, "big") + part

    known = digest(1_790_000_000_123, b"acme", b"{}", [("ce_id", b"a"), ("b", b""), ("a", b"x")])
    parts = [b"acme", b"{}", b"a", b"x", b"ce_id", b"a"]
    front = b"asahi.audit.record.v1" + (1_790_000_000_123).to_bytes(8, "big") + (6).to_bytes(4, "big")
    lengths = b"".join(len(part).to_bytes(4, "big") for part in parts)
    assert known == sha256(front + lengths + b"".join(parts)).digest()
    first = genesis("log-1", 3, None)
    assert first == sha256(b"asahi.audit.chain.v1" + frame(b"log-1") + (3).to_bytes(8, "big")).digest()
    assert link(first, 7, known) == sha256(first + (7).to_bytes(8, "big") + known).digest()


@given(one=contents, other=contents)
def test_different_records_have_different_digests(
    one: tuple[int, bytes | None, bytes | None, dict[str, bytes]],
    other: tuple[int, bytes | None, bytes | None, dict[str, bytes]],
) -> None:
    digests = [digest(at, key, value, marks.items()) for at, key, value, marks in (one, other)]
    assert (digests[0] == digests[1]) == (one == other)


def test_of_headers_what_the_archive_keeps_counts() -> None:
    assert digest(1, None, None, [("a", b"x"), ("a", b"y")]) == digest(1, None, None, [("a", b"y")])
    assert digest(1, None, None, [("a", b"x"), ("a", b"")]) == digest(1, None, None, [])
    assert digest(1, b"", None, []) != digest(1, None, b"", []) != digest(1, None, None, [])


@given(cuts=st.lists(st.integers(0, 10), max_size=6))
def test_how_records_are_delivered_does_not_change_the_chain(cuts: list[int]) -> None:
    """Deliveries may overlap: after a crash they come again."""
    whole, _ = sealed(RECORDS, each=10)
    end, _ = open_chain(CLUSTER, 0, None, NOW)
    for cut in cuts:
        end, _ = seal(end, RECORDS[: max(cut, end.next_offset)], NOW)
    end, _ = seal(end, RECORDS, NOW)
    assert end == whole


def test_nothing_new_makes_no_links() -> None:
    end, _ = sealed(RECORDS)
    assert seal(end, RECORDS[4:], NOW) == (end, None)


def test_a_chain_is_known_again_from_its_events() -> None:
    end, events = sealed(RECORDS)
    known = None
    for event in [*events, events[1], events[3]]:  # a replaced sealer repeats what is there
        known = extend(known, event)
    assert known == end
    again, more = seal(end, [audit_record(10)], NOW)
    assert more is not None
    assert extend(end, more) == again


def test_overlapping_links_extend() -> None:
    end, _ = sealed(RECORDS, each=10)
    _, events = sealed(RECORDS[:6], each=3)
    third = extend(None, events[1])
    wide_end, wide = seal(extend(None, events[0]), RECORDS, NOW)
    assert wide is not None
    assert extend(third, wide) == wide_end == end


def test_another_log_and_another_predecessor_make_another_chain() -> None:
    follows = ChainEnd(cluster="log-0", sequence=4, head="00" * 32)
    firsts = {genesis("log-1", 0, None), genesis("log-2", 0, None), genesis("log-1", 1, None)}
    assert len({*firsts, genesis("log-1", 0, follows)}) == 4


def broken(links: AuditLinks, **fields: object) -> AuditLinks:
    return links.model_copy(update=fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"head": "00" * 32},
        {"offsets": (3, 5, 4)},
        {"digests": ("00" * 32,) * 3},
        {"digests": ("00" * 32,)},
    ],
)
def test_links_that_contradict_themselves_are_refused(fields: dict[str, object]) -> None:
    _, events = sealed(RECORDS)
    with pytest.raises(ChainBroken):
        heads(broken(events[2], **fields))


def test_links_that_contradict_the_chain_are_refused() -> None:
    _, events = sealed(RECORDS)
    _, others = sealed([*RECORDS[:3], audit_record(3, "other"), *RECORDS[4:]])
    known = extend(extend(None, events[0]), events[1])
    with pytest.raises(ChainBroken) as fork:
        extend(known, others[3])  # two further: what lies between is missing
    assert fork.value.sequence == 4
    known = extend(known, events[2])
    with pytest.raises(ChainBroken):
        extend(known, others[3])


def test_a_digest_does_not_depend_on_the_place_but_its_link_does() -> None:
    here, there = audit_record(1, "same"), audit_record(2, "same")
    assert digest_of(here) == digest_of(there)
    assert sealed([here])[0].head != sealed([there])[0].head
