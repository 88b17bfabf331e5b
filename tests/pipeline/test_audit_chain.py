"""Whoever is killed: every audit record is sealed once, in one chain, which goes on where it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.governance.audit.chain import End, digest_of, extend
from schemas.audit_chain import AuditLinks
from streams.topics import AUDIT, AUDIT_LINKS
from tests.memory.cluster import Event
from tests.memory.log import LOG_ID
from tests.pipeline.rig import PARTITIONS, Rig, ask, serve
from tests.pipeline.test_crash_law import COMMON, delays, fetches, kills, live, mistakes, modest, moves, some, workers
from tests.pipeline.traffic import Plan, messages
from tests.unit.providers.virtual_time import run

rejected = st.lists(
    st.tuples(
        st.sampled_from(("wrong", "unknown", "own")),
        st.integers(0, 3),
        st.sampled_from((0, 0, 5, 400)),
        st.sampled_from(("acme", "zeta")),
    ),
    min_size=1,
    max_size=20,
)


def all_is_sealed_in_one_chain(rig: Rig) -> None:
    for partition in range(PARTITIONS):
        end: End | None = None
        digests: dict[int, str] = {}
        for record in rig.broker.topic(AUDIT_LINKS.name):
            links = AuditLinks.model_validate_json(record.value or b"")
            if links.partition == partition:
                end = extend(end, links)  # raises where the chain forks
                digests |= dict(zip(links.offsets, links.digests, strict=True))
        records = [record for record in rig.broker.topic(AUDIT.name) if record.partition == partition]
        assert end is not None
        assert (end.cluster, end.sequence) == (LOG_ID, len(records))
        assert digests == {record.offset: digest_of(record).hex() for record in records}


def test_a_rejection_is_sealed() -> None:
    rig = serve(Rig(COMMON), ask("a", sampling={"temperature": "hot"}), ask("b"), ask("c", "nobody"))
    assert {audit["subject"] for audit in rig.audits()} == {"a", "c"}
    all_is_sealed_in_one_chain(rig)


@modest
@given(plan=rejected, events=some(kills, moves, mistakes), delays=delays, workers=workers, fetch=fetches)
def test_the_chain_survives(
    plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int
) -> None:
    async def test() -> None:
        rig = Rig(COMMON, fetch_records=fetch)
        cluster = rig.cluster(events=events, delays=tuple(delays))
        await live(rig, cluster, messages(plan), workers)
        all_is_sealed_in_one_chain(rig)

    run(test())
