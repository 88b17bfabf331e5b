"""A block: what one insert carries, from records as they were read to the bytes ClickHouse takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from aiokafka import ConsumerRecord, TopicPartition

from streams.envelope import RESTORED_HEADER
from streams.sink.native import (
    Column,
    block,
    maps,
    nullable_strings,
    repeating_nullable_strings,
    repeating_strings,
    signed,
    string,
    strings,
    unsigned,
)

COLUMNS = (
    "cluster",
    "topic",
    "partition",
    "offset",
    "timestamp",
    "key",
    "value",
    "headers",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
)
"""Columns of the archive that a block fills, in its order."""

PARTITION_BYTES = 4

Records = list[ConsumerRecord]


class Block:
    """Records of any partitions, each partition's in order."""

    def __init__(self, records: Mapping[TopicPartition, Records] | None = None) -> None:
        self._records: dict[TopicPartition, Records] = {}
        self.rows = 0
        self.bytes = 0
        for place, part in (records or {}).items():
            self.add(place, part)

    def add(self, place: TopicPartition, records: Records) -> None:
        """Add records that follow those added before."""
        self._records.setdefault(place, []).extend(records)
        self.rows += len(records)
        self.bytes += sum([len(record.value or b"") for record in records])

    def ends(self) -> dict[TopicPartition, int]:
        """Return the offset after the last record, by partition."""
        return {place: records[-1].offset + 1 for place, records in self._records.items()}

    def halves(self) -> tuple[Block, Block]:
        """Return two blocks, the first to be inserted before the second; only for two rows or more."""
        left, right = Block(), Block()
        room = self.rows // 2
        for place, records in self._records.items():
            if room:
                left.add(place, records[:room])
            if records[room:]:
                right.add(place, records[room:])
            room = max(0, room - len(records))
        return left, right

    def single(self) -> ConsumerRecord:
        """Return the record of a block of one."""
        (records,) = self._records.values()
        (record,) = records
        return record

    def in_order(self) -> Iterator[tuple[TopicPartition, Records]]:
        """Yield the partitions in the archive's order, so that the engine need not sort."""
        for place in sorted(self._records):
            yield place, self._records[place]


def news(records: Iterable[ConsumerRecord]) -> Records:
    """Return the records that were not republished from the archive itself."""
    return [record for record in records if RESTORED_HEADER not in dict(record.headers)]


def encode(cluster: str, parts: Iterable[tuple[TopicPartition, Sequence[ConsumerRecord]]]) -> bytes:
    """Return records as a block of the archive.

    Args:
        cluster: Id of the log they come from.
        parts: Records by partition.
    """
    topics: list[bytes] = []
    partitions: list[bytes] = []
    records: Records = []
    for place, part in parts:
        topics.append(string(place.topic.encode()) * len(part))
        partitions.append(place.partition.to_bytes(PARTITION_BYTES, "little") * len(part))
        records += part
    rows = len(records)
    return block(
        rows,
        [
            Column("cluster", "String", string(cluster.encode()) * rows),
            Column("topic", "String", b"".join(topics)),
            Column("partition", "UInt32", b"".join(partitions)),
            Column("offset", "UInt64", unsigned([record.offset for record in records])),
            Column("timestamp", "DateTime64(3, 'UTC')", signed([record.timestamp for record in records])),
            Column("key", "Nullable(String)", repeating_nullable_strings([record.key for record in records])),
            Column("value", "Nullable(String)", nullable_strings([record.value for record in records])),
            *_header_columns(records),
        ],
    )


def _header_columns(records: Records) -> list[Column]:
    ids: list[bytes] = []
    kinds: list[bytes] = []
    sources: list[bytes] = []
    times: list[bytes] = []
    names: list[str] = []
    values: list[bytes] = []
    ends: list[int] = []
    end = 0
    for record in records:
        headers = dict(record.headers)
        ids.append(headers.pop("ce_id", b"") or b"")
        kinds.append(headers.pop("ce_type", b"") or b"")
        sources.append(headers.pop("ce_source", b"") or b"")
        times.append(headers.pop("ce_time", b"") or b"")
        end += len(headers)
        ends.append(end)
        names += headers
        values += headers.values()
    return [
        Column("headers", "Map(String, String)", maps(ends, [n.encode() for n in names], [v or b"" for v in values])),
        Column("ce_id", "String", strings(ids)),
        Column("ce_type", "String", repeating_strings(kinds)),
        Column("ce_source", "String", repeating_strings(sources)),
        Column("ce_time", "String", strings(times)),
    ]
