"""Where copies of content may lie, read as their readers see them: topics, tables, files."""

from __future__ import annotations

import binascii
import os
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from schemas.settings import KafkaSettings
from streams.records import Record
from streams.tail import read_tail
from streams.topics import CATALOGUE, Topic
from streams.warehouse.client import Warehouse

KEPT = re.compile(rb'"value_base64":"([A-Za-z0-9+/]+={0,2})"')
CHUNK_BYTES = 16 * 1024 * 1024
OVERLAP_BYTES = 4_096
"""Of two chunks, so that what lies across their border is found; it may then be counted twice."""

TEXTS = """
SELECT table, name FROM system.columns
WHERE database = currentDatabase() AND (type LIKE '%String%') AND table IN
    (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree%')
ORDER BY table, name
"""


async def topics(kafka: KafkaSettings) -> AsyncIterator[tuple[Topic, list[bytes]]]:
    """Give every topic of the catalogue with its messages, decompressed, piece by piece."""
    for topic in CATALOGUE:
        starts = {(topic.name, partition): 0 for partition in range(topic.partitions(kafka))}
        async for records in read_tail(kafka, starts):
            yield topic, [_unfolded(_whole(one)) for one in records]


async def tables(warehouse: Warehouse) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Give every column of every table that holds text, block by block, as a query sees it."""
    for row in await warehouse.rows(TEXTS):
        place = f"{row['table']}.{row['name']}"
        sql = f"SELECT toString(`{row['name']}`) FROM `{row['table']}`"  # noqa: S608 - names of our own tables
        async for block in warehouse.stream(sql):
            yield place, [_unfolded(_bytes(value)) for (value,) in block if value is not None]


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Give every file below a folder, chunk by chunk, as it lies on disk.

    Files and folders that vanish meanwhile are passed over: an engine that runs makes and removes them all the time.
    """
    for path in _walked(folder):
        if not path.is_file() or path.is_symlink():
            continue
        try:
            with path.open("rb") as file:
                rest = b""
                while chunk := file.read(CHUNK_BYTES):
                    yield path, rest + chunk
                    rest = chunk[-OVERLAP_BYTES:]
        except OSError:
            continue


def _walked(folder: Path) -> Iterator[Path]:
    """Give every file below a folder, each folder as it is when it is reached; `rglob` fails where one is gone."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names))


def _unfolded(item: bytes) -> bytes:
    """Return a piece with the message that a dead letter in it keeps in base64 behind it, as it was sent."""
    return b"\n".join((item, *map(_decoded, KEPT.findall(item))))


def _decoded(kept: bytes) -> bytes:
    """Return what base64 says; nothing where it is none: anybody may write that name into a request of his."""
    try:
        return b64decode(kept)
    except binascii.Error:
        return b""


def _whole(record: Record) -> bytes:
    headers = [part for name, value in record.headers for part in (name.encode(), value or b"")]
    return b"\n".join((record.key or b"", record.value or b"", *headers))


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
