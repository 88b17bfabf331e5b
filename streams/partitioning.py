"""Which partition a key belongs to: the same for every client that hashes with murmur2, as Kafka's own do."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2

POSITIVE = 0x7FFFFFFF
REMEMBERED_KEYS = 10_000


@lru_cache(REMEMBERED_KEYS)
def home_partition(key: str, partitions: int) -> int:
    """Return the partition that owns this key."""
    return int((murmur2(key.encode()) & POSITIVE) % partitions)
