from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from streams.partitioning import home_partition


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(1, 64))
def test_it_is_the_partition_a_client_would_choose(key: str, partitions: int) -> None:
    every = list(range(partitions))
    assert home_partition(key, partitions) == DefaultPartitioner()(key.encode(), every, every)


def test_it_stays_as_it_is() -> None:
    """These are murmur2's own values: another hash would move every tenant."""
    assert [home_partition(key, 8) for key in ("", "acme", "zeta", "tenant-1", "süd")] == [1, 4, 5, 3, 3]
