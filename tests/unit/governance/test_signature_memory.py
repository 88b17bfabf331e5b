"""What is forgotten is refused anyway: the law that makes bounded memory exact."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from agents.governance.signatures.memory import SignatureMemory

SKEW_MS = 100


@dataclass(slots=True)
class Partition:
    """A memory, led as the verifier leads it, beside one that forgets nothing."""

    memory: SignatureMemory = field(default_factory=lambda: SignatureMemory(SKEW_MS))
    served: dict[int, int] = field(default_factory=dict)

    def take(self, offset: int, signed_ms: int, stated_ms: int) -> str:
        """Return what becomes of a message; its signature is its time, so equal times are replays."""
        arrived = self.memory.time_of(stated_ms)
        if abs(signed_ms - arrived) > SKEW_MS:
            return "skewed"
        proof = signed_ms.to_bytes(8)
        if self.memory.meets(proof, offset, offset, signed_ms + 2 * SKEW_MS):
            return "replayed"
        self.memory.advance(stated_ms, offset)
        return "served"


times = st.integers(0, 1000)
messages = st.lists(st.tuples(times, times), max_size=60)
near = st.lists(st.builds(lambda at, off: (max(0, at + off), at), times, st.integers(-150, 150)), max_size=60)


@given(messages | near | near.map(sorted))
def test_no_signature_is_served_twice_whatever_times_are_stated(sent: list[tuple[int, int]]) -> None:
    partition = Partition()
    for offset, (signed, stated) in enumerate(sent):
        if partition.take(offset, signed, stated) == "served":
            assert signed not in partition.served
            partition.served[signed] = offset


@given(near.map(sorted), st.data())
def test_a_successor_that_reads_from_the_reach_decides_alike(
    sent: list[tuple[int, int]], data: st.DataObject
) -> None:
    partition, outcomes, reaches = Partition(), [], []
    for offset, (signed, stated) in enumerate(sent):
        reaches.append(partition.memory.reach)
        outcomes.append(partition.take(offset, signed, stated))
    resumed = data.draw(st.integers(0, max(0, len(sent) - 1)))
    if not sent or reaches[resumed] is None:
        return
    successor = Partition()
    for offset in range(reaches[resumed] or 0, len(sent)):
        outcome = successor.take(offset, *sent[offset])
        assert offset < resumed or outcome == outcomes[offset]
    assert reaches == sorted(reaches, key=lambda reach: -1 if reach is None else reach)


@given(near.map(sorted))
def test_the_same_offset_again_is_no_replay(sent: list[tuple[int, int]]) -> None:
    partition = Partition()
    for offset, (signed, stated) in enumerate(sent):
        first = partition.take(offset, signed, stated)
        assert partition.take(offset, signed, stated) in (first, "skewed")


def test_memory_holds_no_more_than_the_window() -> None:
    partition = Partition()
    for offset in range(10_000):
        partition.take(offset, offset, offset)
    assert len(partition.memory) <= 3 * SKEW_MS
    assert partition.memory.reach is not None
    assert partition.memory.reach >= 10_000 - 4 * SKEW_MS
