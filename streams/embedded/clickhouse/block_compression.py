"""ClickHouse's own framing of compressed data, which clients ask for with `compress=1` and `decompress=1`.

A block is a checksum, a method, two lengths and the data. It is what JDBC speaks unless it is told otherwise.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import lz4.block
import zstandard

from streams.embedded.clickhouse.cityhash import cityhash128
from streams.embedded.clickhouse.config import KIB, MIB
from streams.embedded.clickhouse.errors import ClickHouseError

_HEADER = struct.Struct("<BII")  # method, length with this header, length when decompressed
_CHECKSUM_BYTES = 16
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_BLOCK_BYTES = 256 * KIB
_LONGEST_BLOCK_BYTES = 1024 * MIB


class BlockEncoder:
    """Compresses a stream into blocks."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def compress(self, data: bytes) -> bytes:
        """Take more data; returns the blocks that are full."""
        self._pending += data
        if len(self._pending) < _BLOCK_BYTES:
            return b""
        return self.flush()

    def flush(self) -> bytes:
        """The rest, as blocks."""
        data, self._pending = bytes(self._pending), bytearray()
        return b"".join(_block(data[at : at + _BLOCK_BYTES]) for at in range(0, len(data), _BLOCK_BYTES))


def _block(data: bytes) -> bytes:
    packed: bytes = lz4.block.compress(data, store_size=False)
    body = _HEADER.pack(_LZ4, _HEADER.size + len(packed), len(data)) + packed
    return cityhash128(body) + body


def decoded_blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A body in blocks, decompressed as it comes.

    Raises:
        ClickHouseError: It is not in blocks, or damaged.
    """
    pending = bytearray()
    for chunk in chunks:
        pending += chunk
        while len(pending) >= _CHECKSUM_BYTES + _HEADER.size:
            method, packed, plain = _HEADER.unpack_from(pending, _CHECKSUM_BYTES)
            if packed < _HEADER.size or max(packed, plain) > _LONGEST_BLOCK_BYTES:
                raise ClickHouseError(39, "TOO_LARGE_SIZE_COMPRESSED", "The body is not made of compressed blocks")
            end = _CHECKSUM_BYTES + packed
            if len(pending) < end:
                break
            body = bytes(pending[_CHECKSUM_BYTES:end])
            if cityhash128(body) != pending[:_CHECKSUM_BYTES]:
                raise ClickHouseError(40, "CHECKSUM_DOESNT_MATCH", "Checksum doesn't match: corrupted data")
            del pending[:end]
            yield _unpack(method, body[_HEADER.size :], plain)
    if pending:
        raise ClickHouseError(33, "CANNOT_READ_ALL_DATA", "The body ends within a compressed block")


def _unpack(method: int, data: bytes, plain: int) -> bytes:
    try:
        if method == _LZ4:
            unpacked: bytes = lz4.block.decompress(data, uncompressed_size=plain)
            return unpacked
        if method == _ZSTD:
            return zstandard.ZstdDecompressor().decompress(data, max_output_size=plain)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise ClickHouseError(271, "CANNOT_DECOMPRESS", f"Cannot decompress a block: {error}") from None
    if method == _NONE:
        return data
    raise ClickHouseError(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method {method:#x}")
