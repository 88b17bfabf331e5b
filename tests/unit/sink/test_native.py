from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some

from streams.sink.native import (
    TABLED,
    Column,
    block,
    maps,
    nullable_strings,
    signed,
    string,
    strings,
    unsigned,
    varint,
)
from tests.unit.sink.native_reader import Reader, read_block


@settings(max_examples=50)
@given(some.integers(0, 2**64 - 1))
def test_number_is_read_back(number: int) -> None:
    assert Reader(varint(number)).varint() == number


@settings(max_examples=50)
@given(some.lists(some.none() | some.binary(max_size=200)))
def test_strings_are_read_back(texts: list[bytes | None]) -> None:
    rows = [text or b"" for text in texts]
    data = block(
        len(texts),
        [Column("plain", "String", strings(rows)), Column("perhaps", "Nullable(String)", nullable_strings(texts))],
    )
    assert read_block(data) == [{"plain": text or b"", "perhaps": text} for text in texts]


@settings(max_examples=50)
@given(some.lists(some.tuples(some.integers(0, 2**64 - 1), some.integers(-(2**63), 2**63 - 1))))
def test_numbers_are_read_back(pairs: list[tuple[int, int]]) -> None:
    data = block(
        len(pairs),
        [
            Column("a", "UInt64", unsigned([a for a, _ in pairs])),
            Column("b", "Int64", signed([b for _, b in pairs])),
        ],
    )
    assert [(row["a"], row["b"]) for row in read_block(data)] == pairs


def test_long_string_has_its_length_before_it() -> None:
    for size in (TABLED - 1, TABLED, 2 * TABLED):
        assert strings([b"x" * size]) == string(b"x" * size)
        assert Reader(strings([b"x" * size])).string() == b"x" * size


def test_maps_of_rows_do_not_run_into_each_other() -> None:
    data = block(3, [Column("m", "Map(String, String)", maps([1, 1, 3], [b"a", b"b", b"c"], [b"1", b"2", b"3"]))])
    assert [row["m"] for row in read_block(data)] == [{b"a": b"1"}, {}, {b"b": b"2", b"c": b"3"}]
