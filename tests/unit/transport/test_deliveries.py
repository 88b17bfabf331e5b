from __future__ import annotations

from collections.abc import Mapping

import pytest
from faust.types import TP

from streams.transport.deliveries import Deliveries, partitions_of
from streams.transport.offsets import Checkpoint, Marks
from tests.unit.transport.keeping import FakeCustodian

A, B = TP("requests", 0), TP("requests", 1)


def at(position: int) -> Marks:
    return {("results", 0): position}


async def gained(
    custodian: FakeCustodian, committed: Mapping[TP, int | None] | None = None, generation: int = 0
) -> Deliveries:
    deliveries = Deliveries(custodian)
    await deliveries.gain({A, B}, generation, committed or {})
    return deliveries


async def test_state_is_rebuilt_once_per_generation() -> None:
    custodian = FakeCustodian(found={A: Checkpoint(7, at(3))})
    deliveries = Deliveries(custodian)
    assert await deliveries.gain([A, B], 0, {}) == {A: 7}
    assert await deliveries.gain([A, B], 0, {}) == {}, "Faust asks twice per assignment"
    await deliveries.gain([A], 1, {})
    assert custodian.gained == [(frozenset({A, B}), 0), (frozenset({A}), 1)]


@pytest.mark.parametrize(
    ("committed", "resumed"),
    [(None, {A: 7}), (6, {A: 7}), (7, {}), (8, {})],
    ids=["never committed", "behind", "equal", "ahead"],
)
async def test_the_checkpoint_counts_where_it_is_further_than_the_commit(
    committed: int | None, resumed: dict[TP, int]
) -> None:
    deliveries = Deliveries(FakeCustodian(found={A: Checkpoint(7, at(3))}))
    assert await deliveries.gain([A], 0, {A: committed}) == resumed
    assert await deliveries.checkpoint() == resumed, "what the commit lacks is committed next"


async def test_a_failed_rebuild_is_tried_again_for_the_same_generation() -> None:
    custodian = FakeCustodian(failures=[OSError("the log is away")])
    deliveries = Deliveries(custodian)
    with pytest.raises(OSError, match="away"):
        await deliveries.gain([A], 0, {})
    await deliveries.gain([A], 0, {})
    assert custodian.gained == [(frozenset({A}), 0)]


async def test_the_contiguous_prefix_is_saved_before_its_offsets_are_returned() -> None:
    custodian = FakeCustodian(now=at(1))
    deliveries = await gained(custodian)
    deliveries.deliver(A, 10, end=10)
    deliveries.deliver(A, 20, end=20)
    deliveries.deliver(B, 5, end=5)
    deliveries.settle(A, 20, 0)
    deliveries.settle(B, 5, 0)
    custodian.now = at(9)
    assert await deliveries.checkpoint() == {B: 5}
    deliveries.settle(A, 10, 0)
    assert await deliveries.checkpoint() == {A: 20, B: 5}
    assert custodian.saved == [{B: Checkpoint(5, at(9))}, {A: Checkpoint(20, at(9))}]


async def test_nothing_is_saved_when_nothing_has_moved() -> None:
    custodian = FakeCustodian()
    deliveries = await gained(custodian)
    deliveries.deliver(A, 10, end=10)
    assert await deliveries.checkpoint() == {}
    assert custodian.saved == []


async def test_what_could_not_be_saved_is_not_committed() -> None:
    custodian = FakeCustodian()
    deliveries = await gained(custodian)
    deliveries.deliver(A, 10, end=10)
    deliveries.settle(A, 10, 0)
    custodian.failures.append(OSError("the log is away"))
    with pytest.raises(OSError, match="away"):
        await deliveries.checkpoint()
    assert await deliveries.checkpoint() == {}


async def test_an_acknowledgement_from_an_earlier_assignment_no_longer_counts() -> None:
    deliveries = await gained(FakeCustodian(), generation=3)
    deliveries.deliver(A, 10, end=10)
    deliveries.clear()
    await deliveries.gain([A], 4, {})
    deliveries.settle(A, 10, 3)
    deliveries.deliver(A, 10, end=10)
    deliveries.settle(A, 10, 3)
    deliveries.settle(A, 10, None)
    assert await deliveries.checkpoint() == {}
    deliveries.settle(A, 10, 4)
    assert await deliveries.checkpoint() == {A: 10}


async def test_a_partition_keeps_inherited_marks_up_to_the_end_it_was_taken_over_with() -> None:
    custodian = FakeCustodian(found={A: Checkpoint(5, at(2))}, now=at(50))
    deliveries = await gained(custodian, {A: 5})
    deliveries.deliver(A, 10, end=20)
    deliveries.deliver(A, 20, end=90)
    deliveries.deliver(A, 30, end=90)
    for next_offset in (10, 20):
        deliveries.settle(A, next_offset, 0)
        await deliveries.checkpoint()
    assert custodian.saved == [{A: Checkpoint(10, at(2))}, {A: Checkpoint(20, at(50))}]


async def test_without_a_checkpoint_the_old_part_is_known_from_the_start_of_every_output() -> None:
    custodian = FakeCustodian(now=at(50))
    deliveries = await gained(custodian)
    deliveries.deliver(A, 10, end=20)
    deliveries.settle(A, 10, 0)
    await deliveries.checkpoint()
    assert custodian.saved == [{A: Checkpoint(10, {})}]


async def test_the_position_follows_deliveries_and_resuming() -> None:
    deliveries = await gained(FakeCustodian())
    assert deliveries.position(A) == 0
    deliveries.resume({A: 7, B: None})
    assert (deliveries.position(A), deliveries.position(B)) == (7, 0)
    deliveries.deliver(A, 10, end=10)
    assert deliveries.position(A) == 10
    deliveries.resume({B: 4})
    assert (deliveries.position(A), deliveries.position(B)) == (0, 4), "a new assignment knows only its own"


async def test_offsets_wait_until_their_commit_is_known() -> None:
    deliveries = await gained(FakeCustodian())
    deliveries.deliver(A, 10, end=10)
    deliveries.deliver(A, 20, end=20)
    deliveries.settle(A, 10, 0)
    first = await deliveries.checkpoint()
    assert first == {A: 10}
    assert await deliveries.checkpoint() == first, "its commit failed"
    deliveries.settle(A, 20, 0)
    assert await deliveries.checkpoint() == {A: 20}
    deliveries.committed(first)
    assert await deliveries.checkpoint() == {A: 20}, "more has moved while the first was being committed"
    deliveries.committed({A: 20, B: 1})
    assert await deliveries.checkpoint() == {}


async def test_nothing_of_lost_partitions_is_committed() -> None:
    deliveries = await gained(FakeCustodian())
    deliveries.deliver(A, 10, end=10)
    deliveries.settle(A, 10, 0)
    await deliveries.checkpoint()
    deliveries.clear()
    deliveries.settle(A, 10, 0)
    assert await deliveries.checkpoint() == {}


def test_partitions_of_one_topic() -> None:
    assert partitions_of([A, B, TP("calls", 2)], "requests") == {0, 1}
    assert partitions_of([A], "calls") == frozenset()


async def test_messages_flow_only_between_gaining_and_giving_up() -> None:
    deliveries = Deliveries(FakeCustodian())
    assert not deliveries.has_gained(4)
    await deliveries.gain([A], 4, {})
    assert deliveries.has_gained(4)
    assert not deliveries.has_gained(5), "assigned, but its state does not stand yet"
    deliveries.clear()
    assert not deliveries.has_gained(4)


async def test_what_an_earlier_assignment_left_unsettled_is_not_waited_for() -> None:
    deliveries = await gained(FakeCustodian())
    deliveries.deliver(A, 10, end=10)
    await deliveries.gain([A], 1, {})
    deliveries.deliver(A, 10, end=10)
    deliveries.settle(A, 10, 1)
    assert await deliveries.checkpoint() == {A: 10}
