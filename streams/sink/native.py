"""ClickHouse's Native format: a block is its columns, each a name, a type and the values one after another.

Values are laid out with a few joins per column instead of work per value and row: 2 microseconds per event where
JSON rows cost three times as much here and ten times as much in the engine.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

TABLED = 1 << 14
CONTINUES = 0x80
SEVEN_BITS = 0x7F


def varint(number: int) -> bytes:
    """Return an unsigned number, seven bits per byte, lowest first."""
    out = bytearray()
    while number >= CONTINUES:
        out.append(number & SEVEN_BITS | CONTINUES)
        number >>= 7
    out.append(number)
    return bytes(out)


LENGTHS = [varint(number) for number in range(TABLED)]
"""The lengths that nearly all strings have."""


class Column(NamedTuple):
    """One column: its name, ClickHouse's name of its type, and its encoded values."""

    name: str
    kind: str
    values: bytes


def block(rows: int, columns: Sequence[Column]) -> bytes:
    """Return a block of these columns."""
    parts = [varint(len(columns)), varint(rows)]
    for column in columns:
        parts += (string(column.name.encode()), string(column.kind.encode()), column.values)
    return b"".join(parts)


def string(text: bytes) -> bytes:
    """Return one string."""
    return varint(len(text)) + text


def strings(texts: Sequence[bytes]) -> bytes:
    """Return a column of `String`."""
    return b"".join(_with_lengths(texts))


class Repeating(dict[bytes, bytes]):
    """Encoded strings by their text, for columns of few different ones."""

    def __missing__(self, text: bytes) -> bytes:
        encoded = self[text] = string(text)
        return encoded


def repeating_strings(texts: Iterable[bytes]) -> bytes:
    """Return a column of `String` in which few texts stand over and over."""
    encoded = Repeating()
    return b"".join([encoded[text] for text in texts])


def nullable_strings(texts: Sequence[bytes | None]) -> bytes:
    """Return a column of `Nullable(String)`: first which are null, then all values."""
    nulls = bytes([text is None for text in texts])
    return b"".join([nulls, *_with_lengths([text or b"" for text in texts])])


def repeating_nullable_strings(texts: Sequence[bytes | None]) -> bytes:
    """Return a column of `Nullable(String)` in which few texts stand over and over."""
    return bytes([text is None for text in texts]) + repeating_strings([text or b"" for text in texts])


def _with_lengths(texts: Sequence[bytes]) -> list[bytes]:
    parts = [b""] * (2 * len(texts))
    parts[::2] = [LENGTHS[size] if size < TABLED else varint(size) for size in map(len, texts)]
    parts[1::2] = texts
    return parts


def unsigned(numbers: Iterable[int]) -> bytes:
    """Return a column of `UInt64`."""
    return _little_endian(array("Q", numbers))


def signed(numbers: Iterable[int]) -> bytes:
    """Return a column of `Int64`, or of `DateTime64` in its unit."""
    return _little_endian(array("q", numbers))


def _little_endian(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def maps(ends: Iterable[int], keys: Iterable[bytes], values: Iterable[bytes]) -> bytes:
    """Return a column of `Map(String, String)`: where each row's entries end, then all keys, then all values.

    Few keys and values are expected to be different.
    """
    return unsigned(ends) + repeating_strings(keys) + repeating_strings(values)
