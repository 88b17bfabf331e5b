"""What is known of organizations, noted on the log and read back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import msgspec

from agents.analytics.anomalies.watch import Least, Watch
from schemas.watch import LAYOUT, Watched
from streams.envelope import Publication
from streams.log import Log
from streams.topics import WATCH

logger = logging.getLogger(__name__)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Watched)


def note_of(tenant: str, watch: Watch) -> Publication:
    """Return the note of an organization."""
    return Publication(_encoder.encode(Watched(tenant, watch.minute, watch.state())), tenant.encode())


def forgotten(tenant: str) -> Publication:
    """Return that there is nothing worth knowing of an organization any more."""
    return Publication(None, tenant.encode())


async def read_notes(log: Log, partition: int, least: Least) -> dict[str, Watch]:
    """Return what the newest notes of a partition say, by organization; those of another layout are passed over."""
    newest: dict[bytes, bytes | None] = {}
    async for records in log.read({(WATCH.name, partition): 0}):
        newest.update((record.key or b"", record.value) for record in records)
    watches: dict[str, Watch] = {}
    for value in newest.values():
        if value is not None and (note := _readable(value)) is not None:
            watches[note.tenant] = Watch.restored(note.minute, least, note.state)
            await asyncio.sleep(0)  # some milliseconds each, and heartbeats must go out meanwhile
    return watches


async def write_notes(log: Log, partition: int, watches: Iterable[tuple[str, Watch]]) -> None:
    """Note these organizations; return once that is durable."""
    for tenant, watch in watches:
        await log.publish(WATCH.name, partition, [note_of(tenant, watch)])


def _readable(value: bytes) -> Watched | None:
    try:
        note = _decoder.decode(value)
    except msgspec.DecodeError:
        return None
    return note if note.layout == LAYOUT else None
