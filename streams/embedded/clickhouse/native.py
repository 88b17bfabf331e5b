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
_DATETIME_BYTES = 4
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
        if count != len(columns):
            return block
        starts = _locate(block, columns[: zoned[-1] + 2], position, rows, len(columns))
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


def _locate(block: bytes, columns: Sequence[Column], start: int, rows: int, total: int) -> list[int] | None:
    """Where each column's header is: a search that steps back when a find turns out to be data that looks alike."""
    headers = [_text(name) + _text(_BARE if kind.startswith(_BARE + "(") else kind) for name, kind in columns]
    if not block.startswith(headers[0], start):
        return None
    found = [start]
    search_from = start + len(headers[0])
    while len(found) < len(headers):
        index = len(found) - 1
        if columns[index][1].startswith((_BARE + "(", _BARE)) and not columns[index][1].startswith("DateTime64"):
            # its rows have one width: the next header is right behind them, or this was not a column
            at = found[index] + len(headers[index]) + rows * _DATETIME_BYTES
            at = at if search_from <= at and block.startswith(headers[index + 1], at) else -1
        else:
            at = block.find(headers[index + 1], search_from)
        if at >= 0:
            found.append(at)
            search_from = at + len(headers[len(found) - 1])
            if len(found) < total or _ends(block, columns[-1], headers[-1], at, rows):
                continue
        while len(found) > 1:  # step back
            last = found.pop()
            if not columns[len(found) - 1][1].startswith(_BARE):
                search_from = last + 1
                break
        else:
            return None
    return found


def _ends(block: bytes, column: Column, header: bytes, at: int, rows: int) -> bool:
    if column[1].startswith("DateTime64") or not column[1].startswith(_BARE):
        return True
    return at + len(header) + rows * _DATETIME_BYTES == len(block)
