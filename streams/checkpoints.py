"""Checkpoints in the log: how far each input partition is settled, and where its outputs stood.

The broker's own commit could carry the marks as metadata, but the embedded broker forgets metadata; a compacted topic
works on both. The checkpoint is written before the commit, and on resuming the furthest one wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from faust.types import TP

from streams.envelope import Publication
from streams.log import Log
from streams.topics import CHECKPOINTS
from streams.transport.offsets import Checkpoint


class _Stored(msgspec.Struct, omit_defaults=True):
    topic: str
    partition: int
    offset: int
    marks: dict[str, dict[int, int]] = {}


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Stored)


class CheckpointLog:
    """Reads and writes the checkpoints of one consumer group."""

    def __init__(self, group: str, log: Log) -> None:
        self._group = group
        self._log = log

    async def save(self, checkpoints: Mapping[TP, Checkpoint]) -> None:
        """Make checkpoints durable."""
        by_partition: dict[int, list[Publication]] = {}
        for tp, point in checkpoints.items():
            by_partition.setdefault(tp.partition, []).append(self._publication(tp, point))
        for partition, publications in by_partition.items():
            await self._log.publish(CHECKPOINTS.name, partition, publications)

    def _publication(self, tp: TP, point: Checkpoint) -> Publication:
        marks: dict[str, dict[int, int]] = {}
        for (topic, partition), offset in point.marks.items():
            if topic != CHECKPOINTS.name:
                marks.setdefault(topic, {})[partition] = offset
        value = _encoder.encode(_Stored(tp.topic, tp.partition, point.offset, marks))
        return Publication(value, self._key(tp))

    def _key(self, tp: TP) -> bytes:
        return f"{self._group}/{tp.topic}/{tp.partition}".encode()

    async def load(self, tps: Iterable[TP]) -> dict[TP, Checkpoint]:
        """Return the furthest checkpoint of each partition that has one."""
        wanted = {self._key(tp): tp for tp in tps}
        found: dict[TP, Checkpoint] = {}
        starts = {(CHECKPOINTS.name, tp.partition): 0 for tp in wanted.values()}
        async for records in self._log.read(starts):
            for record in records:
                tp = wanted.get(record.key or b"")
                if tp is None or record.value is None:
                    continue
                stored = _decoder.decode(record.value)
                if tp not in found or stored.offset >= found[tp].offset:
                    marks = {(topic, p): at for topic, ps in stored.marks.items() for p, at in ps.items()}
                    found[tp] = Checkpoint(stored.offset, marks)
        return found
