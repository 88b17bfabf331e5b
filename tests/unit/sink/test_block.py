from __future__ import annotations

from aiokafka import ConsumerRecord, TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as some

from streams.envelope import RESTORED_HEADER
from streams.sink.block import COLUMNS, Block, encode, news
from tests.unit.sink.native_reader import read_block
from tests.unit.sink.records import PLACE, record

OTHER = TopicPartition("asahi.audit", 0)


def rows_of(block: Block) -> list[ConsumerRecord]:
    return [each for _, records in block.in_order() for each in records]


def test_event_becomes_a_row_with_its_place_and_attributes() -> None:
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"r-1"),
        ("ce_type", b"asahi.result.produced.v1"),
        ("ce_source", b"asahi/demo"),
        ("ce_time", b"2026-11-23T10:00:00Z"),
        ("content-type", b"application/json"),
    )
    (row,) = read_block(encode("log-1", [(PLACE, [record(7, b'{"id":"r-1"}', headers)])]))
    assert tuple(row) == COLUMNS
    assert row == {
        "cluster": b"log-1",
        "topic": b"asahi.results",
        "partition": 3,
        "offset": 7,
        "timestamp": 1_763_892_000_007,
        "key": b"demo",
        "value": b'{"id":"r-1"}',
        "headers": {b"ce_specversion": b"1.0", b"content-type": b"application/json"},
        "ce_id": b"r-1",
        "ce_type": b"asahi.result.produced.v1",
        "ce_source": b"asahi/demo",
        "ce_time": b"2026-11-23T10:00:00Z",
    }


def test_bare_message_keeps_what_it_lacks() -> None:
    bare = record(0, None, (("ce_id", None), ("odd", None)), key=None)
    (row,) = read_block(encode("log-1", [(PLACE, [bare])]))
    assert (row["key"], row["value"], row["ce_id"], row["headers"]) == (None, None, b"", {b"odd": b""})


def test_message_that_is_no_text_stays_as_it_is() -> None:
    (row,) = read_block(encode("log-1", [(PLACE, [record(0, b"\x00\xff\xfe", key=b"\xff")])]))
    assert (row["value"], row["key"]) == (b"\x00\xff\xfe", b"\xff")


def test_partitions_are_told_apart_and_put_in_the_order_of_the_archive() -> None:
    block = Block({PLACE: [record(5), record(6)], OTHER: [record(9, place=OTHER)]})
    rows = read_block(encode("log-1", block.in_order()))
    assert [(row["topic"], row["partition"], row["offset"]) for row in rows] == [
        (b"asahi.audit", 0, 9),
        (b"asahi.results", 3, 5),
        (b"asahi.results", 3, 6),
    ]


def test_block_knows_its_size_and_where_it_ends() -> None:
    block = Block()
    block.add(PLACE, [record(5, b"12345"), record(6, None)])
    block.add(PLACE, [record(9, b"1")])
    block.add(OTHER, [record(1, b"123", place=OTHER)])
    assert (block.rows, block.bytes) == (4, 9)
    assert block.ends() == {PLACE: 10, OTHER: 2}


@settings(max_examples=40)
@given(some.lists(some.integers(1, 5), min_size=1, max_size=4).filter(lambda sizes: sum(sizes) > 1))
def test_halves_hold_everything_in_order(sizes: list[int]) -> None:
    places = [TopicPartition("asahi.results", number) for number in range(len(sizes))]
    block = Block(
        {
            place: [record(offset, place=place) for offset in range(size)]
            for place, size in zip(places, sizes, strict=True)
        }
    )
    left, right = block.halves()
    assert left.rows == block.rows // 2
    assert left.rows + right.rows == block.rows
    assert rows_of(left) + rows_of(right) == rows_of(block)


def test_restored_events_are_no_news() -> None:
    old = record(1, headers=((RESTORED_HEADER, b"log-0/1/2"),))
    new = record(2, headers=(("ce_id", b"1"),))
    assert news([old, new]) == [new]
