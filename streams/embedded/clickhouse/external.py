"""External tables and form fields: a multipart body brings rows, parameters and the statement itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import BodyPartReader, MultipartReader, web

from streams.embedded.clickhouse.config import DEFAULT_FORMAT
from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.request import QueryRequest, apply_pairs

MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """Rows a client sends along with its query, visible to it as a table."""

    name: str
    structure: str
    format: str
    data: bytes


async def read_form(request: web.BaseRequest, query: QueryRequest) -> list[ExternalTable]:
    """Read a multipart body: files become tables, everything else parameters of the request.

    Raises:
        ClickHouseError: A table comes without a structure, or the body is not what it says.
    """
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, bytes]] = []
    try:
        async for part in _parts(await request.multipart()):
            data = bytes(await part.read(decode=False))
            if part.filename is None and f"{part.name}_structure" not in query.external:
                fields.append((part.name or "", data.decode(errors="surrogateescape")))
            else:
                files.append((part.name or "", data))
    except (ValueError, AssertionError) as error:
        raise ClickHouseError(36, "BAD_ARGUMENTS", f"The multipart body cannot be read: {error}") from None
    apply_pairs(query, fields, multipart=True)
    return [_table(name, data, query.external) for name, data in files]


async def _parts(reader: MultipartReader) -> AsyncIterator[BodyPartReader]:
    while (part := await reader.next()) is not None:
        if isinstance(part, BodyPartReader):
            yield part


def _table(name: str, data: bytes, described: dict[str, str]) -> ExternalTable:
    structure = described.get(f"{name}_structure")
    if structure is None and (types := described.get(f"{name}_types")) is not None:
        structure = ", ".join(f"_{number} {kind}" for number, kind in enumerate(_split(types), start=1))
    if structure is None:
        raise ClickHouseError(
            36, "BAD_ARGUMENTS", f"Neither structure nor types have not been provided for external table {name}"
        )
    return ExternalTable(name, structure, described.get(f"{name}_format", DEFAULT_FORMAT), data)


def _split(types: str) -> list[str]:
    """Split at the commas that are in no brackets."""
    parts, depth, begin = [], 0, 0
    for position, letter in enumerate(types):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(types[begin:position])
            begin = position + 1
    return [*parts, types[begin:]]
