from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.receipts import BatchReceipt, Capacity


class Acknowledgements:
    """Counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


async def waiting(capacity: Capacity, count: int = 1) -> asyncio.Task[bool]:
    """Return a take that has begun to wait."""
    taking = asyncio.ensure_future(capacity.take(count))
    await asyncio.sleep(0)
    assert not taking.done()
    return taking


async def test_taking_waits_while_the_worker_is_full() -> None:
    capacity = Capacity(2)
    assert await capacity.take(1)
    assert await capacity.take(5), "a batch larger than the limit must still pass"
    assert capacity.used == 6
    taking = await waiting(capacity)
    capacity.give_back(capacity.epoch, 4)
    await asyncio.sleep(0)
    assert not taking.done(), "the limit is reached, not undercut"
    capacity.give_back(capacity.epoch)
    assert await taking
    assert capacity.used == 2


async def test_a_new_epoch_ends_every_wait_and_forgets_what_was_held() -> None:
    capacity = Capacity(1)
    await capacity.take(1)
    taking = await waiting(capacity)
    capacity.reset()
    assert not await taking, "it belongs to partitions that have gone"
    assert (capacity.used, capacity.epoch) == (0, 1)
    assert await capacity.take(1)
    capacity.give_back(0)
    assert capacity.used == 1, "of the old epoch: it was forgotten already"
    capacity.give_back(1)
    assert capacity.used == 0


@given(st.integers(1, 20))
def test_a_message_is_acknowledged_once_with_its_last_request(pending: int) -> None:
    acknowledge, capacity = Acknowledgements(), Capacity(100)
    receipt = BatchReceipt(pending, acknowledge, capacity)
    receipt.close()
    for _ in range(pending):
        assert acknowledge.count == 0
        receipt.settle()
    assert acknowledge.count == 1
    assert capacity.used == -pending, "given back one by one"


def test_an_empty_message_is_acknowledged_when_it_is_closed() -> None:
    acknowledge = Acknowledgements()
    receipt = BatchReceipt(0, acknowledge, Capacity(1))
    assert acknowledge.count == 0
    receipt.close()
    assert acknowledge.count == 1


@pytest.mark.parametrize(("resets", "used"), [(0, 0), (1, 1)])
async def test_a_receipt_gives_back_to_the_epoch_it_was_made_in(resets: int, used: int) -> None:
    capacity = Capacity(10)
    await capacity.take(1)
    receipt = BatchReceipt(1, Acknowledgements(), capacity)
    for _ in range(resets):
        capacity.reset()
        await capacity.take(1)
    receipt.settle()
    assert capacity.used == used
