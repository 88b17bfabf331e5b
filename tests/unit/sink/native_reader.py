"""Reads blocks in ClickHouse's Native format, written from its description and not from our writer."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reader:
    data: bytes
    stream: io.BytesIO = field(init=False)

    def __post_init__(self) -> None:
        self.stream = io.BytesIO(self.data)

    def varint(self) -> int:
        shift = number = 0
        while True:
            (byte,) = self.stream.read(1)
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7

    def string(self) -> bytes:
        return self.stream.read(self.varint())

    def numbers(self, code: str, rows: int) -> list[int]:
        layout = f"<{rows}{code}"
        return list(struct.unpack(layout, self.stream.read(struct.calcsize(layout))))

    def column(self, kind: str, rows: int) -> list[Any]:
        if kind == "Nullable(String)":
            nulls = self.stream.read(rows)
            return [None if null else text for null, text in zip(nulls, self.column("String", rows), strict=True)]
        if kind == "Map(String, String)":
            ends = self.numbers("Q", rows)
            total = ends[-1] if ends else 0
            keys, values = self.column("String", total), self.column("String", total)
            starts = [0, *ends[:-1]]
            return [dict(zip(keys[a:b], values[a:b], strict=True)) for a, b in zip(starts, ends, strict=True)]
        if kind == "String":
            return [self.string() for _ in range(rows)]
        code = {"UInt32": "I", "UInt64": "Q", "Int64": "q", "DateTime64(3, 'UTC')": "q"}[kind]
        return self.numbers(code, rows)


def read_block(data: bytes) -> list[dict[str, Any]]:
    """Return the rows of a block."""
    reader = Reader(data)
    count, rows = reader.varint(), reader.varint()
    columns = {}
    for _ in range(count):
        name, kind = reader.string().decode(), reader.string().decode()
        columns[name] = reader.column(kind, rows)
    assert not reader.stream.read(), "bytes are left over"
    return [{name: values[row] for name, values in columns.items()} for row in range(rows)]
