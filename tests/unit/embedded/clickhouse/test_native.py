from __future__ import annotations

import struct
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from streams.embedded.clickhouse.native import Column, NativeRewriter

BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
WITH_ZONES = 54405


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def text(value: bytes) -> bytes:
    return varint(len(value)) + value


def block(columns: Sequence[tuple[str, str, bytes]], rows: int) -> bytes:
    body = b"".join(text(name.encode()) + text(kind.encode()) + data for name, kind, data in columns)
    return varint(len(columns)) + varint(rows) + body


def rewrite_as(columns: Sequence[Column], data: bytes) -> bytes:
    return NativeRewriter(WITH_ZONES, lambda: columns).rewrite(data)


def strings(values: Sequence[bytes]) -> bytes:
    return b"".join(text(value) for value in values)


def test_without_a_protocol_version_nothing_changes() -> None:
    data = block([("d", "DateTime", bytes(4))], 1)
    assert NativeRewriter(0, lambda: [("d", "DateTime('UTC')")]).rewrite(data) == data


def test_old_versions_get_the_block_info_only() -> None:
    data = block([("d", "DateTime", bytes(4))], 1)
    assert NativeRewriter(1, lambda: [("d", "DateTime('UTC')")]).rewrite(data) == BLOCK_INFO + data


def test_columns_are_asked_for_only_when_a_datetime_may_be_there() -> None:
    asked = []

    def columns() -> Sequence[Column]:
        asked.append(1)
        return [("s", "String")]

    rewriter = NativeRewriter(WITH_ZONES, columns)
    data = block([("s", "String", strings([b"x"]))], 1)
    assert rewriter.rewrite(data) == BLOCK_INFO + data
    assert rewriter.rewrite(data) == BLOCK_INFO + data
    assert asked == []


def test_a_time_zone_goes_into_the_header() -> None:
    kind = "DateTime('Asia/Tokyo')"
    data = block([("a", "String", strings([b"x", b"y"])), ("d", "DateTime", bytes(8)), ("b", "UInt8", b"12")], 2)
    columns = [("a", "String"), ("d", kind), ("b", "UInt8")]
    expected = block([("a", "String", strings([b"x", b"y"])), ("d", kind, bytes(8)), ("b", "UInt8", b"12")], 2)
    assert NativeRewriter(WITH_ZONES, lambda: columns).rewrite(data) == BLOCK_INFO + expected


def test_data_that_looks_like_a_header_does_not_mislead() -> None:
    kind = "DateTime('UTC')"
    decoy = text(b"d") + text(b"DateTime") + bytes(3)
    rows = [decoy, b"x", decoy]
    data = block([("a", "String", strings(rows)), ("d", "DateTime", bytes(12))], 3)
    expected = block([("a", "String", strings(rows)), ("d", kind, bytes(12))], 3)
    rewriter = NativeRewriter(WITH_ZONES, lambda: [("a", "String"), ("d", kind)])
    assert rewriter.rewrite(data) == BLOCK_INFO + expected


def test_a_result_that_is_not_what_was_described_stays_as_it_is() -> None:
    data = block([("d", "DateTime", bytes(4))], 1)
    for columns in ([], [("e", "DateTime('UTC')")], [("d", "DateTime('UTC')"), ("e", "UInt8")]):
        assert rewrite_as(columns, data) == BLOCK_INFO + data


@given(
    st.lists(
        st.tuples(st.sampled_from(["String", "DateTime", "DateTime('UTC')", "UInt16"]), st.binary(max_size=20)),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 5),
)
def test_any_mix_of_columns_is_rewritten(kinds: list[tuple[str, bytes]], rows: int) -> None:
    def data_of(kind: str, filler: bytes) -> bytes:
        if kind == "String":
            return strings([filler] * rows)
        return struct.pack(f"<{rows}{'H' if kind == 'UInt16' else 'I'}", *range(rows))

    wanted = [(f"c{i}", kind, data_of(kind, filler)) for i, (kind, filler) in enumerate(kinds)]
    bare = [(name, "DateTime" if kind.startswith("DateTime") else kind, data) for name, kind, data in wanted]
    rewriter = NativeRewriter(WITH_ZONES, lambda: [(name, kind) for name, kind, _ in wanted])
    assert rewriter.rewrite(block(bare, rows)) == BLOCK_INFO + block(wanted, rows)
