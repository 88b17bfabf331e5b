"""An archived message on its way back to the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.envelope import RESTORED_HEADER, Headers, Publication
from streams.records import Record
from streams.signing import MS_PER_SECOND


class Archived(NamedTuple):
    """One message as the archive has it; the columns of `streams.archive.queries.MESSAGE`, strings as bytes.

    Attributes:
        timestamp_ms: When it reached its first log.
    """

    cluster: bytes
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[Any, bytes]
    ce_id: bytes
    ce_type: bytes
    ce_source: bytes
    ce_time: bytes
    timestamp_ms: int

    @classmethod
    def of(cls, row: Sequence[Any]) -> Archived:
        """Return a row of the archive as a message."""
        return cls(*row)

    @property
    def place(self) -> bytes:
        """Where it stood first; tells it from every other message."""
        return b"%s/%d/%d" % (self.cluster, self.partition, self.offset)

    def publication(self, value: bytes) -> Publication:
        """Return it ready to be sent again, marked as no news.

        Args:
            value: What is left of its value.
        """
        attributes = (
            ("ce_id", self.ce_id),
            ("ce_type", self.ce_type),
            ("ce_source", self.ce_source),
            ("ce_time", self.ce_time),
        )
        headers = self._headers()
        headers += [(name, text) for name, text in attributes if text]
        headers.append((RESTORED_HEADER, self.place))
        return Publication(value, self.key, headers)

    def record(self, topic: str) -> Record:
        """Return it as it stood on its first log."""
        timestamp = self.timestamp_ms / MS_PER_SECOND
        return Record(topic, self.partition, self.offset, self.key, self.value, tuple(self._headers()), timestamp)

    def _headers(self) -> Headers:
        return [(_text(name), text) for name, text in self.headers.items()]


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
