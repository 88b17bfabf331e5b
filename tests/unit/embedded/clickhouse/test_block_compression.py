from __future__ import annotations

import struct

import lz4.block
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from streams.embedded.clickhouse.block_compression import BlockEncoder, decoded_blocks
from streams.embedded.clickhouse.cityhash import cityhash128
from streams.embedded.clickhouse.errors import ClickHouseError

DATA = b"one request after the other " * 50_000


def block(method: int, packed: bytes, plain: int) -> bytes:
    body = struct.pack("<BII", method, len(packed) + 9, plain) + packed
    return cityhash128(body) + body


# what ClickHouse wrote itself into a column's file: checksum, method, lengths, data
@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("91e7b45cdfb770b10333cab67100ab0990150000000300000028b52ffd2003190000026162", b"\x02ab"),
        (
            "750159c49d446921110e0953ddb26c62901d0000000b00000028b52ffd200b5900000a61626162616261626162",
            b"\x0aababababab",
        ),
        (
            "267f45ce1aa4ae15977d883e8a2cecf4901e0000005a02000028b52ffd605a015d000020d8046162010053aa1c11",
            b"\xd8\x04" + b"ab" * 300,
        ),
    ],
)
def test_the_engines_own_blocks_are_read(written: str, plain: bytes) -> None:
    assert list(decoded_blocks([bytes.fromhex(written)])) == [plain]


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_any_data_comes_back_however_it_is_cut(data: bytes, size: int) -> None:
    encoder = BlockEncoder()
    sent = encoder.compress(data) + encoder.flush()
    pieces = [sent[i : i + size] for i in range(0, len(sent), size)]
    assert b"".join(decoded_blocks(pieces)) == data


def test_big_data_is_cut_into_blocks() -> None:
    encoder = BlockEncoder()
    sent = encoder.compress(DATA) + encoder.flush()
    blocks = list(decoded_blocks([sent]))
    assert b"".join(blocks) == DATA
    assert len(blocks) > 1


def test_every_usual_method_is_read() -> None:
    for method, packed in (
        (0x02, DATA),
        (0x82, lz4.block.compress(DATA, store_size=False)),
        (0x90, zstandard.compress(DATA)),
    ):
        assert list(decoded_blocks([block(method, packed, len(DATA))])) == [DATA]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"x" * 40, 39),
        (bytes(16) + struct.pack("<BII", 0x02, 10, 1) + b"x", 40),
        (block(0x02, b"x", 1)[:-1], 33),
        (block(0x82, b"\xff\xff", 9), 271),
        (block(0x77, b"x", 1), 89),
    ],
)
def test_damage_is_noticed(body: bytes, code: int) -> None:
    with pytest.raises(ClickHouseError) as refused:
        list(decoded_blocks([body]))
    assert refused.value.code == code
