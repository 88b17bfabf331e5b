"""What ClickHouse's Native format has for clients that name a protocol version, and the engine's own has not.

The engine writes blocks of protocol version 0. For a client of a later version each block begins with a block
info, and the type of a DateTime column names its time zone. The first is a constant; the second has to be put
into the middle of a block, whose columns can be told apart only by looking for their headers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

# field 1: no overflow rows; field 2: no bucket; field 0: the end
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_TIME_ZONE_VERSION = 54337  # from here on clients read DateTime('zone')
_BARE = "DateTime"
_BARE_HEADER = b"\x08DateTime"
_WIDTHS = {
    "UInt8": 1, "Int8": 1, "Bool": 1, "UInt16": 2, "Int16": 2, "Date": 2, "UInt32": 4, "Int32": 4, "Float32": 4,
    "Date32": 4, "IPv4": 4, "DateTime": 4, "UInt64": 8, "Int64": 8, "Float64": 8, "UUID": 16, "IPv6": 16,
}  # fmt: skip
_LOW_BITS = 0x7F
_MORE = 0x80

Column = tuple[str, str]
"""A column's name and type."""


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > _LOW_BITS:
        out.append(number & _LOW_BITS | _MORE)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & _LOW_BITS) << shift
        if byte < _MORE:
            return number, position
        shift += 7


def _text(value: str) -> bytes:
    data = value.encode(errors="surrogateescape")
    return _varint(len(data)) + data


def _is_datetime(type_name: str) -> bool:
    return type_name == _BARE or type_name.startswith(_BARE + "(")


def _width(type_name: str, rows: int) -> int | None:
    width = _WIDTHS.get(_BARE if _is_datetime(type_name) else type_name)
    return None if width is None else width * rows


class NativeRewriter:
    """Makes blocks of protocol version 0 into blocks of the version a client asked for.

    Args:
        protocol_version: The client's; 0 leaves every block as it is.
        columns: Tells the result's columns; asked once, and only when a block may hold a DateTime.
    """

    def __init__(self, protocol_version: int, columns: Callable[[], Sequence[Column]]) -> None:
        self._protocol_version = protocol_version
        self._ask = columns
        self._columns: Sequence[Column] | None = None

    def rewrite(self, block: bytes) -> bytes:
        """One block as the client expects it."""
        if self._protocol_version <= 0:
            return block
        if self._protocol_version >= _TIME_ZONE_VERSION:
            block = self._with_time_zones(block)
        return _BLOCK_INFO + block

    def _with_time_zones(self, block: bytes) -> bytes:
        if self._columns is None:
            self._columns = self._ask() if _BARE_HEADER in block else ()
        columns = self._columns
        zoned = [index for index, (_, type_name) in enumerate(columns) if type_name.startswith(_BARE + "(")]
        if not zoned:
            return block
        count, position = _read_varint(block, 0)
        rows, position = _read_varint(block, position)
        needed = columns[: zoned[-1] + 2]  # one more, to check the last of them by what follows it
        headers = [_text(name) + _text(_BARE if _is_datetime(kind) else kind) for name, kind in needed]
        widths = [_width(kind, rows) for _, kind in needed]
        if count != len(columns) or not block.startswith(headers[0], position):
            return block
        starts = _locate(block, headers, widths, position, complete=len(needed) == count)
        if starts is None:
            return block
        out = []
        copied = 0
        for index in zoned:
            name, type_name = columns[index]
            type_start = starts[index] + len(_text(name))
            out += [block[copied:type_start], _text(type_name)]
            copied = type_start + len(_BARE_HEADER)
        out.append(block[copied:])
        return b"".join(out)


def _locate(
    block: bytes, headers: Sequence[bytes], widths: Sequence[int | None], start: int, complete: bool
) -> list[int] | None:
    """Where each column's header is.

    A column of known width is followed at once by the next header, or by the end of the block when the columns
    are `complete`. That is the check: a header found in a column of unknown width may be data that looks alike,
    and then the search goes on from there.
    """
    found = [start]
    resume: int | None = None
    while True:
        index = len(found) - 1
        rows_start = found[index] + len(headers[index])
        width = widths[index]
        search_from = rows_start if resume is None else resume
        if index + 1 == len(headers):
            if not complete or width is None or rows_start + width == len(block):
                return found
            following = -1
        elif width is None:
            following = block.find(headers[index + 1], search_from)
        else:
            following = rows_start + width
            if following < search_from or not block.startswith(headers[index + 1], following):
                following = -1
        if following >= 0:
            found.append(following)
            resume = None
        elif index == 0:
            return None
        else:
            resume = found.pop() + 1
