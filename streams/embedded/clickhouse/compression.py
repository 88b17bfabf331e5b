"""HTTP compression both ways: gzip, deflate, lz4 frames and zstd, and brotli where it is installed."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Protocol

import lz4.frame
import zstandard

from streams.embedded.clickhouse.errors import ClickHouseError

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_FAST_BROTLI = 1
_LEVEL = {"gzip": 3, "deflate": 3, "zstd": 1}

try:
    _brotli: Any = import_module("brotli")
except ModuleNotFoundError:
    _brotli = None

# in the order ClickHouse prefers them when a client takes several
_PREFERENCE = ("br", "lz4", "snappy", "gzip", "zstd", "deflate", "xz", "bz2")


class Encoder(Protocol):
    """A compression under way."""

    def compress(self, data: bytes) -> bytes:
        """Compress more; may keep some of it back."""

    def flush(self) -> bytes:
        """What was kept back, and the end of the stream."""


class _Lz4Encoder:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        head = b"" if self._begun else self._frame.begin()
        self._begun = True
        compressed: bytes = head + self._frame.compress(data)
        return compressed

    def flush(self) -> bytes:
        tail: bytes = (b"" if self._begun else self._frame.begin()) + self._frame.flush()
        return tail


class _BrotliEncoder:
    def __init__(self) -> None:
        self._stream = _brotli.Compressor(quality=_FAST_BROTLI)

    def compress(self, data: bytes) -> bytes:
        compressed: bytes = self._stream.process(data)
        return compressed

    def flush(self) -> bytes:
        tail: bytes = self._stream.finish()
        return tail


def choose(accept_encoding: str) -> str | None:
    """The encoding to answer with, or None for none."""
    accepted = {part.split(";")[0].strip().lower() for part in accept_encoding.split(",")}
    for name in _PREFERENCE:
        if name in accepted and (
            name in ("lz4", "gzip", "zstd", "deflate", "xz", "bz2") or (name == "br" and _brotli)
        ):
            return name
    return None


def encoder(name: str, level: int | None = None) -> Encoder:
    """A compression by its HTTP name."""
    if name == "lz4":
        return _Lz4Encoder()
    if name == "br":
        return _BrotliEncoder()
    if name == "zstd":
        return zstandard.ZstdCompressor(level=level or _LEVEL[name]).compressobj()
    if name == "xz":
        return lzma.LZMACompressor(preset=level)
    if name == "bz2":
        return bz2.BZ2Compressor(level or 9)
    window = _GZIP_WINDOW if name == "gzip" else zlib.MAX_WBITS
    return zlib.compressobj(level or _LEVEL[name], wbits=window)


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A body, decompressed as it comes.

    Raises:
        ClickHouseError: The encoding is unknown, or the body is not what it says.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        yield from chunks
        return
    decompress = _decompressor(name)
    try:
        for chunk in chunks:
            data = decompress(chunk)
            if data:
                yield data
    except (zlib.error, zstandard.ZstdError, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise ClickHouseError(271, "CANNOT_DECOMPRESS", f"Cannot decompress the {name} body: {error}") from None


def _decompressor(name: str) -> Any:
    if name in ("gzip", "x-gzip", "deflate"):
        return _Members(zlib.MAX_WBITS if name == "deflate" else _GZIP_WINDOW)
    if name == "lz4":
        return lz4.frame.LZ4FrameDecompressor().decompress
    if name == "zstd":
        return zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress
    if name == "br" and _brotli:
        return _brotli.Decompressor().process
    if name == "xz":
        return lzma.LZMADecompressor().decompress
    if name == "bz2":
        return bz2.BZ2Decompressor().decompress
    raise ClickHouseError(
        48, "NOT_IMPLEMENTED", f"Unknown HTTP compression method: {re.sub(r'[^ -~]', '?', name)[:32]}"
    )


class _Members:
    """Inflates gzip members one after the other, as they may be concatenated."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._stream = zlib.decompressobj(wbits=window)

    def __call__(self, data: bytes) -> bytes:
        out = self._stream.decompress(data)
        while self._stream.eof and self._stream.unused_data:
            rest = self._stream.unused_data
            self._stream = zlib.decompressobj(wbits=self._window)
            out += self._stream.decompress(rest)
        return out
